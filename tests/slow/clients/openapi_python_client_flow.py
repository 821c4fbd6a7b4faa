"""The client of openapi-python-client, in the folder `opc`: URL IMAGE"""

import hashlib
import json
import sys
from io import BytesIO
from pathlib import Path

from opc import Client
from opc.api.classify import check_cache, classify, get_categories
from opc.api.stats import get_today_stats
from opc.models import CheckCacheRequest, ClassifyRequest
from opc.types import File

url, path = sys.argv[1:]
image = Path(path).read_bytes()
digest = hashlib.sha256(image).hexdigest()
client = Client(base_url=url)

miss = check_cache.sync(client=client, body=CheckCacheRequest(digest), x_user_id="device-42")
form = ClassifyRequest(File(BytesIO(image), "photo.png"), digest)
asked = classify.sync(client=client, body=form, x_user_id="device-42")
hit = check_cache.sync(client=client, body=CheckCacheRequest(digest), x_user_id="device-42")
categories = get_categories.sync(client=client)
wrong = check_cache.sync(client=client, body=CheckCacheRequest("x"))
today = get_today_stats.sync(client=client)
print(
    json.dumps(
        {
            "missed": miss.cached is False,
            "asked": asked.from_cache is False,
            "category": asked.data.category.value,
            "hit": hit.cached is True and hit.data.category == asked.data.category,
            "described": hit.data.description,
            "pets": categories.data["pets"].chinese,
            "error": wrong.error.code.value,
            "requests": today.data.total_requests,
        }
    )
)
