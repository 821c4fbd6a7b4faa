# Two stages: what builds stays behind, what runs is small and owns nothing it could change.
FROM python:3.13-slim AS build
COPY requirements.txt .
RUN python -m venv --without-pip /venv \
  && pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --requirement requirements.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ENV=production APP_HOST=0.0.0.0 HOME=/tmp
WORKDIR /srv
COPY --from=build /venv /venv
COPY gunicorn_config.py .
COPY sql sql
COPY app app
# The one place it writes to: records that wait for the database; a volume here takes over this owner.
RUN python -m compileall -q app && mkdir -p data/spool && chown -R 65534:65534 data
USER 65534:65534
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/api/v1/health/live', timeout=4)"]
CMD ["gunicorn", "-c", "gunicorn_config.py", "app.main:app"]
