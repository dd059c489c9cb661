"""What the law and the organisation allow: hours, holidays, lists of numbers not to call, consent, rule packs."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from agents.models import User
from campaigns.models.campaign import Campaign
from campaigns.models.people import Contact
from campaigns.rules.number_checks import Answer


class CallableHours(models.Model):
    """A weekly table of local times at which a person may be called."""

    name = models.CharField(max_length=80, unique=True)
    week = models.JSONField(default=dict, help_text='{"mon": [["09:00", "20:00"]], …}; a day without an entry is closed')

    class Meta:
        verbose_name_plural = "callable hours"

    def __str__(self) -> str:
        return self.name


class HolidayCalendar(models.Model):
    name = models.CharField(max_length=80, unique=True)
    country = models.CharField(max_length=2, blank=True)
    region = models.CharField(max_length=80, blank=True)

    def __str__(self) -> str:
        return self.name


class Holiday(models.Model):
    calendar = models.ForeignKey(HolidayCalendar, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    name = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["calendar", "day"], name="holiday_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class DoNotCall(models.Model):
    """A number never to be called again, by the whole organisation or by one campaign. Permanent; temporary is a Suppression."""

    number_key = models.CharField(max_length=64, help_text="keyed hash of the number")
    hint = models.CharField(max_length=24, blank=True, help_text="the number with its middle hidden")
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="do_not_call")
    source = models.CharField(max_length=40, help_text="agent, import, api, customer …")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["number_key", "campaign"], name="do_not_call_once", nulls_distinct=False)]
        verbose_name_plural = "do-not-call entries"

    def __str__(self) -> str:
        return self.hint


class DoNotCallList(models.Model):
    """A register that must be loaded anew from time to time, such as a national one, and when it last was. Rules ask for it by name."""

    name = models.CharField(max_length=40, unique=True)
    loaded_at = models.DateTimeField(help_text="when the numbers now on it were fetched from its keeper")
    numbers = models.PositiveIntegerField(default=0, help_text="how many there were")

    def __str__(self) -> str:
        return self.name


class Suppression(models.Model):
    """A period in which a person or number is left alone; always with an end."""

    contact = models.ForeignKey(Contact, null=True, blank=True, on_delete=models.CASCADE, related_name="suppressions")
    number_key = models.CharField(max_length=64, blank=True, db_index=True)
    campaign = models.ForeignKey(Campaign, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    until = models.DateTimeField()
    reason = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"until {self.until}"


class CampaignExclusion(models.Model):
    """ "Do not call this contact": a person taken off one campaign."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="exclusions")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="exclusions")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "contact"], name="exclusion_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} not in {self.campaign_id}"


class Consent(models.Model):
    """Evidence that a person agreed to be called, and when they took it back."""

    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    number_key = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=40)
    seller = models.CharField(max_length=120, blank=True)
    source = models.CharField(max_length=120)
    text = models.TextField(blank=True)
    channel = models.CharField(max_length=40, blank=True)
    given_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.kind} of {self.contact_id}"


class RulePack(models.Model):
    """A jurisdiction's rules as versioned data; never changed once in use."""

    name = models.CharField(max_length=80)
    version = models.PositiveIntegerField(default=1)
    jurisdiction = models.CharField(max_length=40)
    purposes = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    effective_from = models.DateField(null=True, blank=True)
    effective_to = models.DateField(null=True, blank=True)
    rules = models.JSONField(default=list)
    sources = models.JSONField(default=list, blank=True)
    enabled = models.BooleanField(default=False)
    campaigns = models.ManyToManyField(Campaign, blank=True, related_name="rule_packs")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="rule_pack_version_once")]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class ValidationService(models.Model):
    """Who must be asked over HTTP about a number before it is called. docs/validation.md has the protocol."""

    name = models.CharField(max_length=80, unique=True)
    url = models.CharField("address", max_length=500, help_text="https://…; asked with POST")
    header = models.CharField(max_length=80, blank=True, default="Authorization", help_text="the header that carries the secret")
    sealed_secret = models.TextField(blank=True, editable=False)
    timeout = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(10)], help_text="seconds for the whole of one question"
    )
    fresh_minutes = models.PositiveIntegerField(
        "verdict holds", default=24 * 60, validators=[MinValueValidator(5), MaxValueValidator(31 * 24 * 60)], help_text="minutes"
    )
    enabled = models.BooleanField(default=True, help_text="switched off, it holds its campaigns: nothing is called unasked")
    failures = models.PositiveIntegerField(default=0, editable=False, help_text="in a row")
    ask_again_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="left alone until then")
    problem = models.CharField(max_length=300, blank=True, editable=False, help_text="what was wrong at the last question")
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)
    answered_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return self.name


class NumberCheck(models.Model):
    """A validation service's verdict on a number, made ahead of need and good for a while; or the wish for one."""

    service = models.ForeignKey(ValidationService, db_index=False, on_delete=models.CASCADE, related_name="checks")
    number_key = models.CharField(max_length=64)
    verdict = models.CharField(max_length=16, blank=True, choices=[(answer, answer.capitalize()) for answer in Answer])
    checked_at = models.DateTimeField(null=True, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True)
    wanted_at = models.DateTimeField(null=True, blank=True, help_text="since when its verdict is asked for; empty: it is not")
    asking_until = models.DateTimeField(null=True, blank=True, help_text="somebody is asking, or it is left alone, until then")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["service", "number_key"], name="one_verdict_per_number_and_service"),
            models.CheckConstraint(
                name="a_verdict_has_its_time",
                condition=Q(verdict="") | Q(checked_at__isnull=False, valid_until__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["service", "wanted_at"], name="number_check_wanted", condition=Q(wanted_at__isnull=False))]

    def __str__(self) -> str:
        return self.verdict or "wanted"
