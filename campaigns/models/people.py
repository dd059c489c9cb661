"""Contacts, their numbers, and the lists they came in on."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from agents.models import User
from campaigns.models.campaign import Campaign
from campaigns.rules.outcomes import NUMBER_WORDS
from dialer_project.lib.sentence import say


class Contact(models.Model):
    """A person or organisation, known across campaigns."""

    source = models.CharField(
        max_length=40, blank=True, help_text="where the external id comes from: salesforce, hubspot, a file's own name for it …"
    )
    external_id = models.CharField(max_length=120, blank=True)
    title = models.CharField(max_length=80, blank=True)
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    company = models.CharField(max_length=160, blank=True)
    email = models.CharField(max_length=254, blank=True)
    address = models.CharField(max_length=250, blank=True)
    city = models.CharField(max_length=120, blank=True)
    region = models.CharField(max_length=80, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2, blank=True)
    time_zone = models.CharField(max_length=60, blank=True, help_text="as the CRM or an agent told it")
    fields = models.JSONField(default=dict, blank=True, help_text="further columns of the list")
    match_key = models.CharField(max_length=64, blank=True, editable=False, help_text="first number and name, for files without an id")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="contact_external_id_once", condition=~Q(external_id=""))]
        indexes = [models.Index(fields=["match_key"], name="contact_match_key", condition=~Q(match_key=""))]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.company or f"Contact {self.pk}"


class ZoneConfirmation(models.Model):
    """Where a customer said they are, and who heard it. The one in force replaces every time zone that number, file and address suggest."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="zone_confirmations")
    zone = models.CharField("time zone", max_length=60)
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="since then another one holds, or none")
    ended_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["contact"], name="one_zone_confirmed_per_contact", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return self.zone


class ContactChange(models.Model):
    """An agent put a contact right: what it was, and what it is since then."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    interaction_id = models.UUIDField(help_text="with which record in hand")
    before = models.JSONField()
    after = models.JSONField()

    def __str__(self) -> str:
        return f"{', '.join(self.after)} on {self.at:%Y-%m-%d %H:%M}"


class PhoneNumber(models.Model):
    """One number of a contact, with every time zone it may be in."""

    class Kind(models.TextChoices):
        MOBILE = "mobile", say("Mobile")
        HOME = "home", say("Home")
        WORK = "work", say("Work")
        OTHER = "other", say("Other")

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="phones")
    e164 = models.CharField(max_length=16, db_index=True)
    number_key = models.CharField(
        max_length=64, db_index=True, editable=False, help_text="keyed hash of the number: how do-not-call lists are looked up"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.OTHER)
    position = models.PositiveSmallIntegerField(default=0)
    zones = ArrayField(models.CharField(max_length=60), default=list, blank=True, help_text="candidate time zones; a call must be lawful in all")
    landline = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="surely one, by its digits alone; any other may be a mobile, whatever it is called"
    )
    active = models.BooleanField(default=True, help_text="off once the carrier says the number does not exist, or an agent what it is instead")
    result = models.CharField(
        max_length=16,
        blank=True,
        default="",
        db_default="",
        choices=[(result, words.capitalize()) for result, words in NUMBER_WORDS.items()],
        help_text="what an agent found at the other end; such a number is not called again",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["contact", "e164"], name="number_once_per_contact")]

    def __str__(self) -> str:
        return self.e164


class CallingList(models.Model):
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="lists")
    name = models.CharField(max_length=160)
    position = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class ListImport(models.Model):
    """One file on its way into a list. Every row of it ends as accepted, duplicate or rejected."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    class Kind(models.TextChoices):
        LEADS = "leads", "People to call"
        DO_NOT_CALL = "do_not_call", "Numbers not to call"

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.LEADS)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="imports")
    calling_list = models.ForeignKey(CallingList, null=True, blank=True, on_delete=models.SET_NULL, related_name="imports")
    file = models.FileField(upload_to="imports/")
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    dry_run = models.BooleanField(default=False)
    options = models.JSONField(default=dict, blank=True, help_text="default country, encoding, delimiter, column mapping where given")
    reading = models.JSONField(default=dict, blank=True, help_text="what was found: encoding, delimiter, columns")
    bytes_total = models.BigIntegerField(default=0)
    bytes_read = models.BigIntegerField(default=0)
    rows = models.PositiveIntegerField(default=0)
    accepted = models.PositiveIntegerField(default=0)
    duplicates = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True)
    rejects = models.FileField(upload_to="imports/", blank=True, help_text="the rejected and duplicate rows, with line number and reason")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(campaign__isnull=False) | ~Q(kind="leads"), name="people_belong_to_a_campaign")]

    def __str__(self) -> str:
        return self.file_name
