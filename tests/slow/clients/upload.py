"""Uploads zeros as a form: upload.py CLIENT URL BYTES TIMES KEY. Prints a status, or an error, for each time."""

import asyncio
import http.client
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import aiohttp

HEADERS = {"Content-Type": "multipart/form-data; boundary=B"}


def form(size: int) -> bytes:
    head = b'--B\r\nContent-Disposition: form-data; name="image"; filename="p.jpg"\r\n\r\n'
    return head + bytes(size) + b"\r\n--B--\r\n"


def by_http_client(url: str, size: int, key: str) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.netloc, timeout=20)
    connection.request("POST", place.path, form(size), {**HEADERS, "X-API-Key": key})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def by_urllib(url: str, size: int, key: str) -> int:
    request = urllib.request.Request(url, form(size), {**HEADERS, "X-API-Key": key})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            error.read()
        return error.code


def by_aiohttp(url: str, size: int, key: str) -> int:
    async def send() -> int:
        data = aiohttp.FormData()
        data.add_field("image", bytes(size), filename="p.jpg")
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=data, headers={"X-API-Key": key}) as answer,
        ):
            await answer.read()
            return answer.status

    return asyncio.run(send())


def main() -> None:
    client, url, size, times, key = sys.argv[1:]
    send = {"http.client": by_http_client, "urllib": by_urllib, "aiohttp": by_aiohttp}[client]
    for _ in range(int(times)):
        try:
            print(send(url, int(size), key))
        except Exception as error:
            print(repr(error))


if __name__ == "__main__":
    main()
