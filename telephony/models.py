"""What telephony remembers: nodes, trunks, calls (one leg each) and what the carrier said of them."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from telephony.rules.lifecycle import STILL_RECORDED, CallState, Party, RecordingState, Verdict
from telephony.rules.numbers import FORMS, NumberForm


class Node(models.Model):
    """One telephony server. Only its leased listener reads its events; nothing is dialed on it unless somebody listens."""

    name = models.CharField(max_length=60, unique=True)
    driver = models.CharField(max_length=20, default="simulated", help_text="simulated or asterisk")
    url = models.CharField(max_length=200, blank=True)
    browser_url = models.CharField(
        "address for browsers",
        max_length=200,
        blank=True,
        validators=[
            RegexValidator(
                r"^wss?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$", "This begins with wss:// (or ws:// on one machine) and has no query."
            )
        ],
        help_text="where a page's phone connects, such as wss://pbx.example.com/ws; empty: no browser can be a phone here",
    )
    enabled = models.BooleanField(default=True)
    draining = models.BooleanField(
        "takes no new calls and agents",
        default=False,
        db_default=False,
        help_text="what is under way there ends by itself; free agents go to another node",
    )
    max_calls = models.PositiveIntegerField(default=500, help_text="calls at once")
    boot = models.CharField(max_length=80, blank=True, editable=False, help_text="changes when the server restarts; its calls are gone then")
    lease_holder = models.CharField(max_length=120, blank=True, editable=False)
    lease_epoch = models.BigIntegerField(default=0, editable=False, help_text="rises with every new listener; commands of an older one are refused")
    listening_until = models.DateTimeField(null=True, blank=True, editable=False)
    silent_since = models.DateTimeField(null=True, blank=True, editable=False, help_text="when its listener said that it hears nothing any more")

    def __str__(self) -> str:
        return self.name


class Trunk(models.Model):
    """A route to a carrier, with what it can carry."""

    name = models.CharField(max_length=60, unique=True)
    endpoint = models.CharField(max_length=120, blank=True)
    max_calls = models.PositiveIntegerField(default=100, help_text="calls at once")
    calls_per_second = models.PositiveIntegerField(default=10)
    enabled = models.BooleanField(default=True)
    numbers = models.CharField(
        "form of numbers",
        max_length=8,
        choices=FORMS,
        default=NumberForm.PLUS,
        db_default=NumberForm.PLUS,
        help_text="how this carrier wants numbers and caller IDs written; what it sends us is understood in each form",
    )
    per_minute = models.DecimalField(
        "price a minute",
        max_digits=10,
        decimal_places=5,
        null=True,
        blank=True,
        help_text="where no prefix says otherwise; a begun minute counts whole",
    )

    def __str__(self) -> str:
        return self.name


class TrunkPrice(models.Model):
    """What a minute to numbers that begin so costs on a trunk; the longest prefix decides."""

    trunk = models.ForeignKey(Trunk, db_index=False, on_delete=models.CASCADE, related_name="prices")
    prefix = models.CharField(
        max_length=12, validators=[RegexValidator(r"^\+[1-9][0-9]*$", "A prefix begins with + and a country code, such as +346.")]
    )
    per_minute = models.DecimalField("price a minute", max_digits=10, decimal_places=5)

    class Meta:
        ordering = ["prefix"]
        constraints = [models.UniqueConstraint(fields=["trunk", "prefix"], name="one_price_per_prefix")]

    def __str__(self) -> str:
        return f"{self.prefix} {self.per_minute}"


class CallerId(models.Model):
    """A number we may present. Only verified ones are ever shown to a called party."""

    e164 = models.CharField(max_length=16, unique=True)
    label = models.CharField(max_length=80, blank=True)
    verified = models.BooleanField(default=False)
    trunk = models.ForeignKey(Trunk, null=True, blank=True, on_delete=models.SET_NULL)

    class Meta:
        verbose_name = "caller ID"

    def __str__(self) -> str:
        return f"{self.label} {self.e164}".strip()


class Announcement(models.Model):
    """A recorded message: what an abandoned customer hears, what is left on an answering machine."""

    name = models.CharField(max_length=80, unique=True)
    media = models.CharField(max_length=200, blank=True, help_text="what the carrier plays, e.g. sound:abandoned; filled in when a file is uploaded")
    text = models.TextField(blank=True)
    in_conversation = models.BooleanField(
        "agents play it", default=False, db_default=False, help_text="an agent may play it to the customer, or to all, while they talk"
    )

    def __str__(self) -> str:
        return self.name


class AnnouncementFile(models.Model):
    """One version of what is said, as the exchange plays it. A new file is a new version under a new name: a call that plays the one before
    plays it to its end."""

    announcement = models.ForeignKey(Announcement, db_index=False, on_delete=models.CASCADE, related_name="files")
    version = models.PositiveIntegerField()
    name = models.CharField(max_length=40, unique=True, help_text="as the exchange knows it")
    file = models.FileField(max_length=200)
    seconds = models.FloatField()
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, db_index=False, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["announcement", "version"], name="announcement_version_once")]

    def __str__(self) -> str:
        return f"{self.announcement} v{self.version}"


class Call(models.Model):
    """One leg: a channel to a customer, an agent, a third party or a supervisor. A customer's leg has its attempt's id."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    party = models.CharField(max_length=12, choices=[(p, p.label if hasattr(p, "label") else p.capitalize()) for p in Party])
    node = models.ForeignKey(Node, db_index=False, on_delete=models.PROTECT, related_name="calls")
    boot = models.CharField(max_length=80, blank=True)
    trunk = models.ForeignKey(Trunk, db_index=False, null=True, blank=True, on_delete=models.PROTECT)
    address = models.CharField(max_length=120, help_text="an E.164 number, or a station's endpoint")
    caller_id = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=12, default=CallState.PLANNED, choices=[(s, s.capitalize()) for s in CallState])
    ring_for = models.PositiveSmallIntegerField(default=25, help_text="seconds")
    bridge = models.UUIDField(null=True, blank=True, help_text="the conversation this leg was given to; empty until an agent was found")
    planned_at = models.DateTimeField()
    deadline = models.DateTimeField(help_text="the carrier is asked what became of it after this")
    dialing_at = models.DateTimeField(null=True, blank=True)
    rang_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    detect_for = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="seconds from the answer within which the carrier tells a person from a machine; empty: it is not asked"
    )
    verdict = models.CharField(max_length=8, blank=True, db_default="", choices=[(v, v.capitalize()) for v in Verdict])
    verdict_at = models.DateTimeField(null=True, blank=True)
    verdict_why = models.CharField(max_length=60, blank=True, db_default="", help_text="in the carrier's words")
    waits_since = models.DateTimeField(
        null=True, blank=True, help_text="somebody must be heard two seconds after this: the answer, or the verdict (the latest moment for it)"
    )
    connected_at = models.DateTimeField(null=True, blank=True)
    announcing_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cause = models.CharField(max_length=24, blank=True)
    hung_up_by = models.CharField(max_length=10, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["node", "deadline"], name="call_overdue", condition=~Q(state=CallState.ENDED)),
            # whether an agent's phone was called lately
            models.Index(fields=["address", "planned_at"], name="call_to_a_station", condition=Q(party=Party.AGENT)),
            models.Index(fields=["trunk"], name="call_trunk_live", condition=~Q(state=CallState.ENDED)),
            models.Index(fields=["bridge"], name="call_bridge", condition=Q(bridge__isnull=False) & ~Q(state=CallState.ENDED)),
            # answered customers who have not reached an agent: the sweep's and a new pump's first question
            models.Index(fields=["waits_since"], name="call_answered", condition=Q(state=CallState.ANSWERED)),
        ]

    def __str__(self) -> str:
        return f"{self.party} {self.address} ({self.state})"


class CallEvent(models.Model):
    """What the carrier said, once each: append-only, a doubled event finds its key taken."""

    call_id = models.UUIDField(null=True, db_index=True, help_text="no foreign key: a carrier may speak of channels we never planned")
    node = models.ForeignKey(Node, db_index=False, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=80)
    kind = models.CharField(max_length=24)
    at = models.DateTimeField(help_text="the carrier's clock")
    recorded_at = models.DateTimeField()
    data = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["node", "key"], name="call_event_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.call_id}"


class Recording(models.Model):
    """What was said in one conversation. Its file is made at the node, then kept by us for as long as it may be."""

    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="recordings", help_text="the customer's leg")
    node = models.ForeignKey(Node, db_index=False, on_delete=models.PROTECT, related_name="+")
    bridge = models.UUIDField(help_text="the conversation that is recorded")
    name = models.CharField(max_length=120, unique=True, help_text="at the node, and of the file; drawn by lot")
    state = models.CharField(max_length=8, default=RecordingState.WANTED, choices=[(s, s.capitalize()) for s in RecordingState])
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(null=True, blank=True)
    pauses = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), blank=True, help_text="from and until, each")
    notice = models.CharField(max_length=200, blank=True, db_default="", help_text="what everybody in it is to hear of it")
    notice_at = models.DateTimeField(null=True, blank=True, help_text="when that was said")
    fetch_at = models.DateTimeField(null=True, blank=True, help_text="its file is to be fetched, or removed from the node, after this")
    tries = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="times its file was asked for in vain")
    file = models.FileField(max_length=200, blank=True, db_default="")
    size = models.BigIntegerField(null=True, blank=True, help_text="bytes")
    stored_at = models.DateTimeField(null=True, blank=True)
    keep_for = models.DurationField(null=True, blank=True, help_text="empty: for ever")
    delete_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("play_recording", "Can listen to recordings")]
        constraints = [
            models.UniqueConstraint(fields=["bridge"], name="one_recording_at_a_time", condition=Q(state__in=[s.value for s in STILL_RECORDED]))
        ]
        indexes = [
            models.Index(fields=["fetch_at"], name="recording_fetch", condition=Q(fetch_at__isnull=False)),
            models.Index(fields=["delete_at"], name="recording_delete", condition=Q(state=RecordingState.STORED, delete_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name


class RecordingPlay(models.Model):
    """Who listened to a recording, and when: append-only."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="plays")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, db_index=False, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    address = models.GenericIPAddressField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.recording} played by {self.user}"
