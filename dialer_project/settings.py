"""Settings: one file for every environment, which differ by environment variables alone. Each is read here, loudly."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy

from dialer_project.lib import env

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = Path(env.text("STATE_DIR", str(BASE_DIR / "var")))

SECRET_KEY = env.text("SECRET_KEY", example="fifty random characters")
DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = list(env.words("ALLOWED_HOSTS", default=("127.0.0.1", "localhost")))
# whether browsers reach us by https; plain http is for one machine alone
HTTPS = env.flag("HTTPS", default=False)
CSRF_TRUSTED_ORIGINS = list(env.words("TRUSTED_ORIGINS", default=()))
# keys the hash by which do-not-call lists are looked up; changing it loses them
NUMBER_KEY = env.text("NUMBER_KEY", SECRET_KEY)
# what was put on and taken off the do-not-call list, outside the database: back it up apart from it, on another disk where there is one
DO_NOT_CALL_JOURNAL = Path(env.text("DO_NOT_CALL_JOURNAL", str(STATE_DIR / "do-not-call.journal")))
# the clock on the centre's wall: whose midnight begins an agent's day, and by which agents are told times that are no customer's
CENTRE_TIME_ZONE = env.time_zone("CENTRE_TIME_ZONE", "UTC")
# seal the passwords of other services that lie in the database; the first seals, all open
SEAL_KEYS = env.words("SEAL_KEYS", default=(SECRET_KEY,), example="new-key,old-key")
# origins that may be asked though they are private or speak plain http
OUTGOING_TRUSTED = env.words("OUTGOING_TRUSTED", default=(), example="http://10.0.0.5:8080")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin.apps.SimpleAdminConfig",  # the admin's pages are imported with the urls: workers and the pump start without them
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "channels",
    "agents",
    "telephony",
    "campaigns",
    "workers",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "dialer_project.lib.static.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dialer_project.lib.words.Language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "dialer_project.urls"
ASGI_APPLICATION = "dialer_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": env.database(
        env.url("DATABASE_URL", example="postgresql://ringmaster:secret@localhost/ringmaster"),
        password=env.text("DATABASE_PASSWORD", ""),  # where the URL brings none
    )
}
DATABASES["default"].setdefault("OPTIONS", {})
if env.flag("DATABASE_POOL", default=False):  # web: threads come and go with requests, connections should not
    DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 2, "max_size": 10, "timeout": 5}
else:  # workers and the pump: one connection each, kept
    DATABASES["default"]["CONN_MAX_AGE"] = 300
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# Our batches are rows of one parameter, whose values say nothing of the best plan: looking for it at each run costs more than the run. What
# is read is in memory or on an SSD: at the cost of a spinning disk a batch reads whole tables of calls until they are large.
DATABASES["default"]["OPTIONS"]["options"] = (
    "-c lock_timeout=2s -c idle_in_transaction_session_timeout=15s -c timezone=UTC "
    "-c plan_cache_mode=force_generic_plan -c random_page_cost=1.1 -c jit=off"
)

AUTH_USER_MODEL = "agents.User"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "console"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
# what an agent may choose, each by its own name; locale/ has a catalogue for each but English
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [STATE_DIR / "locale"]  # compiled, by lib.words
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "static/"
# only where a release collects them; else they are served from where they lie
STATIC_ROOT = env.text("STATIC_ROOT", "") or None
MEDIA_ROOT = STATE_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_IMMUTABLE_FILE_TEST = r"/console/assets/.+-[\w-]{8}\.\w+$"  # the build's names change with what is in them
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY", default=False) else None

# what an address of the API needs is named there; one that names nothing is closed to everybody
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["dialer_project.lib.api.Permitted"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication", "knox.auth.TokenAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}

# What other programs sign in with: kept as a hash only, and of no use after a year unless its maker says otherwise.
REST_KNOX = {"TOKEN_TTL": timedelta(days=365)}

# One Redis, told apart by prefixes; each part can be given a server of its own.
REDIS_URL = env.url("REDIS_URL", example="redis://localhost:6379/0")
HOT_REDIS_URL = env.url("HOT_REDIS_URL", REDIS_URL)
CELERY_BROKER_URL = env.url("BROKER_URL", REDIS_URL)
CHANNELS_REDIS_URL = env.url("CHANNELS_REDIS_URL", REDIS_URL)
REDIS_PREFIX = env.text("REDIS_PREFIX", "ringmaster")

# The pub/sub layer goes on delivering after Redis was emptied; the other one's groups would be gone for good.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [CHANNELS_REDIS_URL], "prefix": f"{REDIS_PREFIX}:screens"},
    }
}

# a message not acknowledged within this is delivered again; well beyond the longest task and the one that waits behind it
CELERY_VISIBILITY_TIMEOUT = 3600
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": CELERY_VISIBILITY_TIMEOUT,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 30,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "retry_on_timeout": True,
    "max_connections": 20,
    "global_keyprefix": f"{REDIS_PREFIX}:queue:",
}
# how many tasks share a connection to PostgreSQL; without this Celery opens one for each task, which costs more than dispatching does
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_ACKS_ON_FAILURE_OR_TIMEOUT = True  # a failure is found again by its row, not by its message
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 50
CELERY_TASK_TIME_LIMIT = 60
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 100_000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_ETA_TASK_LIMIT = 100
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_LIMIT = 10
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_DEFAULT_QUEUE = "rest"
CELERY_TASK_SEND_SENT_EVENT = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

# where the simulated carrier listens, host:port; the demo's node points at it
SIMULATED_CARRIER = env.text("SIMULATED_CARRIER", "127.0.0.1:8190")
# the demo's node points there instead, where it is given: ARI of an Asterisk, http://host:port
ASTERISK_URL = env.text("ASTERISK_URL", "")
# what Asterisk nodes ask of us, where the address of a node does not bring its own; the user is ringmaster
ARI_PASSWORD = env.text("ARI_PASSWORD", "")
# servers that help a browser's sound through firewalls, and the secret TURN servers share with us (coturn: static-auth-secret)
ICE_SERVERS = env.words("ICE_SERVERS", default=(), example="stun:turn.example.com,turns:turn.example.com")
TURN_SECRET = env.text("TURN_SECRET", "")
# where the Asterisk beside an event pump finds the announcements it plays; empty: they are put there by other means
ANNOUNCEMENTS_DIR = env.text("ANNOUNCEMENTS_DIR", "")
# a folder in which workers, beat and pumps say that they work (see lib.alive), for whoever watches over them; empty: nobody does
ALIVE_DIR = env.text("ALIVE_DIR", "")
# seconds between two comparisons of what a telephony node holds with what we believe
RECONCILE_EVERY = env.integer("RECONCILE_EVERY", 10, at_least=1, at_most=60)
# a folder in which tests leave orders to die or freeze (see lib.failpoints); without one nothing is looked for
FAILPOINTS = env.text("FAILPOINTS", "")
# how long an import may hold in memory at once, and how often it says how far it is
IMPORT_BATCH = 2000

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}


def _page(title: str, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}


UNFOLD = {
    "SITE_TITLE": "Ringmaster",
    "SITE_HEADER": "Ringmaster",
    "SITE_SYMBOL": "call",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("agents/icon.svg")}],
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": True,
        "navigation": [
            {
                "title": "Campaign Management",
                "items": [
                    _page("Outbound Call Campaign", "campaign", "campaigns_campaign"),
                    _page("Leads", "contact_phone", "campaigns_lead"),
                    _page("Attempts", "phone_forwarded", "campaigns_attempt"),
                    _page("Callbacks", "phone_callback", "campaigns_callback"),
                    _page("Incoming calls", "phone_in_talk", "campaigns_inboundcall"),
                    _page("Verdicts to check", "voicemail", "campaigns_verdictreview"),
                    _page("Imports", "upload_file", "campaigns_listimport"),
                    _page("Contacts", "contacts", "campaigns_contact"),
                    _page("Dispositions", "label", "campaigns_disposition"),
                ],
            },
            {
                "title": "Compliance",
                "items": [
                    _page("Do-not-call", "phone_disabled", "campaigns_donotcall"),
                    _page("Removals from it", "how_to_reg", "campaigns_donotcallremoval"),
                    _page("Registers", "library_books", "campaigns_donotcalllist"),
                    _page("Validation services", "fact_check", "campaigns_validationservice"),
                    _page("Spend limits", "savings", "campaigns_spendlimit"),
                    _page("Consents", "handshake", "campaigns_consent"),
                    _page("Left alone", "do_not_disturb_on", "campaigns_suppression"),
                    _page("Rule packs", "gavel", "campaigns_rulepack"),
                    _page("Holidays", "event_busy", "campaigns_holidaycalendar"),
                    _page("Callable hours", "schedule", "campaigns_callablehours"),
                    _page("Permits", "verified_user", "campaigns_permit"),
                ],
            },
            {
                "title": "People",
                "items": [
                    {
                        "title": "Agents now",
                        "icon": "monitor_heart",
                        "link": reverse_lazy("admin:campaigns_supervision_now"),
                        "permission": lambda request: request.user.has_perm("campaigns.listen_in"),
                    },
                    _page("Agents", "support_agent", "agents_agent"),
                    _page("Teams", "groups", "agents_team"),
                    _page("Stations", "headset_mic", "agents_station"),
                    _page("Not Ready reasons", "pause_circle", "agents_notreadyreason"),
                    _page("Accounts", "person", "agents_user"),
                ],
            },
            {
                "title": "Telephony",
                "items": [
                    _page("Calls", "call", "telephony_call"),
                    _page("Recordings", "graphic_eq", "telephony_recording"),
                    _page("Directory", "menu_book", "campaigns_destination"),
                    _page("Caller IDs", "dialpad", "telephony_callerid"),
                    _page("Trunks", "settings_ethernet", "telephony_trunk"),
                    _page("Nodes", "dns", "telephony_node"),
                    _page("Announcements", "record_voice_over", "telephony_announcement"),
                ],
            },
        ],
    },
}
