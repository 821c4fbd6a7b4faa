"""How a question to a model can fail.

ServiceError
  ModelError
    ModelRefused                422 model_refused, a Refused too
    ModelBadAnswer              502 model_bad_answer
      ModelRejectedRequest      502 model_bad_answer
    ModelUnavailable            503 model_unavailable
      ModelMisconfigured        503 model_unavailable
      ModelDenied               503 model_unavailable
      ModelCircuitOpen          503 model_unavailable
      ModelLaneFull             503 model_unavailable
    ModelTimeout                504 model_timeout, a TimedOut too
    ModelOverloaded             503 overloaded, an Overloaded too
    NotAsked
      BudgetExhausted           503 budget_exhausted
      BudgetUnknown             503 database_unavailable, a DatabaseUnavailable too
      ClientQuotaExceeded       429 quota_exceeded, a QuotaExceeded too
        ClientShareTaken        429 quota_exceeded
"""

from typing import ClassVar

from app.errors import DatabaseUnavailable, Overloaded, QuotaExceeded, Refused, ServiceError, TimedOut
from app.models.domain import Usage


class ModelError(ServiceError):
    """No classification could be had from a model.

    `retryable` says whether the same question may fare better a moment later, `our_configuration` that no question
    will until an operator mends a setting.
    """

    retryable: ClassVar[bool] = False
    our_configuration: ClassVar[bool] = False
    usage: Usage = Usage()
    """What the vendor billed all the same. Only the provider that raises it sets it."""

    lane: str | None = None
    """In which lane, where the vendor says it."""


class ModelRefused(Refused, ModelError):
    """The model will not classify this image; asking again will not help."""


class ModelBadAnswer(ModelError):
    """The model answered something that is not a classification."""

    status = 502
    code = "model_bad_answer"
    default_message = "The model gave no usable answer."
    retryable = True


class ModelRejectedRequest(ModelBadAnswer):
    """The vendor will not take the request as it is: asking the same again is the same again."""

    retryable = False


class ModelUnavailable(ModelError):
    """The model cannot be reached or is overloaded."""

    status = 503
    code = "model_unavailable"
    default_message = "The model is not available at the moment."
    retryable = True


class ModelMisconfigured(ModelUnavailable):
    """The vendor does not know our key or our account, or is not at the address that we were given."""

    retryable = False
    our_configuration = True


class ModelDenied(ModelUnavailable):
    """The vendor denied one question with 403 or 404.

    The reason may be a wrong LLM_MODEL, a key without the right to it, or a filter that disliked this image. One such
    answer does not tell which, so that the breaker waits for several.
    """

    retryable = False


class ModelCircuitOpen(ModelUnavailable):
    """The model has failed so often that it is left alone for a while."""

    retryable = False


class ModelLaneFull(ModelUnavailable):
    """The vendor has no room in its cheap lane just now, and bills nothing. It says nothing about the standard one."""

    retryable = False


class ModelTimeout(ModelError, TimedOut):
    """The model gave no answer within the time budget."""

    status = 504
    code = "model_timeout"
    default_message = "The model did not answer in time."


class ModelOverloaded(Overloaded, ModelError):
    """So many questions wait for this model already: that says nothing about the model."""


class NotAsked(ModelError):
    """No model may be asked this at present, the second one neither. It says nothing about any of them."""


class BudgetExhausted(NotAsked):
    """What models may cost in this day or month is spent."""

    status = 503
    code = "budget_exhausted"
    default_message = "The budget for new photos is spent for now; those that are known are still answered."


class BudgetUnknown(DatabaseUnavailable, NotAsked):
    """Nobody knows what is spent, while the database is away."""


class ClientQuotaExceeded(QuotaExceeded, NotAsked):
    """This client may ask for nothing more today. Others may."""


class ClientShareTaken(ClientQuotaExceeded):
    """This client's places at the model are taken."""
