"""The client of OpenAPI Generator for Python, in the folder `openapi_generator`: URL IMAGE"""

import hashlib
import json
import sys
from pathlib import Path

sys.path.insert(0, "openapi_generator")

from classifier_client import ApiClient, ClassifyApi, Configuration, StatsApi
from classifier_client.exceptions import ApiException
from classifier_client.models import CheckCacheRequest, ErrorResponse

url, path = sys.argv[1:]
image = Path(path).read_bytes()
digest = hashlib.sha256(image).hexdigest()
with ApiClient(Configuration(host=url)) as client:
    apps = ClassifyApi(client)
    question = CheckCacheRequest(image_hash=digest)
    miss = apps.check_cache(question, x_user_id="device-42")
    asked = apps.classify(("photo.png", image), x_user_id="device-42", image_hash=digest)
    hit = apps.check_cache(question, x_user_id="device-42")
    categories = apps.get_categories()
    try:
        apps.classify(("photo.png", b"not an image"))
    except ApiException as refused:
        error = ErrorResponse.from_json(refused.body).error.code.value
    today = StatsApi(client).get_today_stats()
print(
    json.dumps(
        {
            "missed": miss.cached is False,
            "asked": asked.from_cache is False,
            "category": asked.data.category.value,
            "hit": hit.cached is True and hit.data.category == asked.data.category,
            "described": hit.data.description,
            "pets": categories.data["pets"].chinese,
            "error": error,
            "requests": today.data.total_requests,
        }
    )
)
