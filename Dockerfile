# Two images: `app` runs every process of ours, `asterisk` a telephony node. docker-compose.yml builds both.

FROM node:22-bookworm-slim AS console
WORKDIR /src/agents/frontend
COPY agents/frontend/package.json agents/frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY agents/frontend ./
RUN npm run build

FROM python:3.11-slim-bookworm AS packages
COPY requirements.lock ./
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.11-slim-bookworm AS app
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin ringmaster && install -d -o ringmaster -m 0700 /var/lib/ringmaster /var/lib/announcements
COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/ringmaster
COPY manage.py ./
COPY dialer_project ./dialer_project
COPY telephony ./telephony
COPY agents ./agents
COPY campaigns ./campaigns
COPY workers ./workers
COPY locale ./locale
COPY --from=console /src/agents/static/console ./agents/static/console
ENV PATH=/opt/venv/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DJANGO_SETTINGS_MODULE=dialer_project.settings STATE_DIR=/var/lib/ringmaster
USER ringmaster
VOLUME /var/lib/ringmaster
EXPOSE 8000
ENTRYPOINT ["python"]

# Asterisk 22 is in Debian's newest suite alone.
FROM debian:sid-slim AS asterisk
RUN apt-get update \
    && apt-get install --yes --no-install-recommends asterisk asterisk-core-sounds-en-wav asterisk-moh-opsound-wav ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin ringmaster && install -d -o ringmaster -m 0700 /var/lib/ringmaster /var/lib/announcements
WORKDIR /srv/ringmaster
COPY dialer_project ./dialer_project
COPY telephony/asterisk ./telephony/asterisk
ENV PYTHONDONTWRITEBYTECODE=1 STATE_DIR=/var/lib/ringmaster
USER ringmaster
VOLUME /var/lib/ringmaster
ENTRYPOINT ["python3", "-m", "dialer_project.local.container"]
