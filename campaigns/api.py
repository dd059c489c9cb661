"""What other programs may ask and do: why a lead or a list is called or not, who is not to be called, and who has agreed to be. Signed in by a
session or by the header `Authorization: Token …`, and with the permission each address names.

    GET /api/leads/<id>/explain?at=        `explain.Explanation.told`, past calls with the permits they were made under
    GET /api/campaigns/<id>/waterfall?at=  `waterfall.Waterfall.told`
    GET  /api/do-not-call?number=          who lists it
    POST /api/do-not-call                  {number, country, campaign, reason, expires_at}: 201 where it was new, 200 where it was listed
    POST /api/do-not-call/<id>/removal     {reason}: the first of two persons
    POST /api/do-not-call/removals/<id>/approve|refuse  {note}: the second; 409 where it cannot be

    POST /api/consents                     {contact or number, country, kind, given_at, source, text, channel, seller, expires_at}: 201 where it was
                                           new, 200 for a repeat; with a number it is for that number; 409 where nobody, or not one alone, has it
    POST /api/consents/<id>/withdrawal     it was taken back; 409 where it was before

    POST /api/campaigns/<id>/call-requests {number, country, key, name, at}: somebody asks to be called by an auto-callback campaign, as through
                                           a form on the web; 201, and 200 for a repeat with the same key; 409 where they will not be called

`at`: as if it were this time, with its offset, over the facts of now. 400: it cannot be read; 403: not allowed; 404: there is none.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agents.desk import Refusal
from agents.models import User
from campaigns import explain, waterfall
from campaigns.flow import call_request, consent, do_not_call
from campaigns.flow.call_back import Wanted
from campaigns.flow.consent import Evidence
from campaigns.models import Campaign, DoNotCall, PhoneNumber
from campaigns.rules.number_keys import number_key
from campaigns.rules.phone_numbers import Dialable, Undialable, read_number


class Explain(APIView):
    needs = "campaigns.view_lead"

    def get(self, request: Request, lead_id: int) -> Response:
        found = explain.lead(lead_id, now=_at(request), supposed=bool(request.query_params.get("at")))
        if found is None:
            raise NotFound(f"There is no lead {lead_id}.")
        return Response(found.told())


class Waterfall(APIView):
    needs = "campaigns.view_campaign"

    def get(self, request: Request, campaign_id: int) -> Response:
        found = waterfall.of_campaign(campaign_id, now=_at(request), supposed=bool(request.query_params.get("at")))
        if found is None:
            raise NotFound(f"There is no campaign {campaign_id}.")
        return Response(found.told())


class ToCall(serializers.Serializer[Any]):
    """`key`: the asking program's own name of the request, so that it can be repeated until it was answered. `at`: not before then."""

    number = serializers.CharField(max_length=60)
    country = serializers.CharField(max_length=2, required=False, default="", allow_blank=True)
    key = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        match read_number(attrs["number"], country=attrs["country"].upper()):
            case Dialable(e164):
                return {**attrs, "number": e164}
            case Undialable(why):
                raise serializers.ValidationError({"number": f"{why}."})


class CallRequests(APIView):
    needs = "campaigns.add_callrequest"

    def post(self, request: Request, campaign_id: int) -> Response:
        if not Campaign.objects.filter(pk=campaign_id).exists():
            raise NotFound(f"There is no campaign {campaign_id}.")
        asked = ToCall(data=request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        now = timezone.now()
        wanted = Wanted(campaign_id, told["number"], max(told["at"] or now, now), told["name"])
        match call_request.make(wanted, key=told["key"], by=_who(request), now=now):
            case Refusal(sentence):
                return Response({"detail": sentence}, status=409)
            case made:
                lead = made.lead
                body = {"id": made.id, "lead": lead.pk, "state": lead.state, "not_before": lead.next_call_at}
                return Response(body, status=201 if made.is_new else 200)


class ToList(serializers.Serializer[Any]):
    """A number as anybody writes it; without its country code it needs `country`, two letters."""

    number = serializers.CharField(max_length=60)
    country = serializers.CharField(max_length=2, required=False, default="", allow_blank=True)
    campaign = serializers.IntegerField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate_campaign(self, said: int | None) -> int | None:
        if said is not None and not Campaign.objects.filter(pk=said).exists():
            raise serializers.ValidationError(f"There is no campaign {said}.")
        return said

    def validate_expires_at(self, said: datetime | None) -> datetime | None:
        if said is not None and said <= timezone.now():
            raise serializers.ValidationError("This is over already. Choose a later instant, or leave it out for good.")
        return said

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        match read_number(attrs["number"], country=attrs["country"].upper(), any_kind=True):
            case Dialable(e164):
                return {**attrs, "number": e164}
            case Undialable(why):
                raise serializers.ValidationError({"number": f"{why}."})


class DoNotCallEntries(APIView):
    @property
    def needs(self) -> str | None:
        return {"GET": "campaigns.view_donotcall", "POST": "campaigns.add_donotcall"}.get(self.request.method or "")

    def get(self, request: Request) -> Response:
        asked = ToList(data={"number": request.query_params.get("number", ""), "country": request.query_params.get("country", "")})
        asked.is_valid(raise_exception=True)
        entries = _entries(asked.validated_data["number"])
        return Response({"listed": any(one["in_force"] for one in entries), "entries": entries})

    def post(self, request: Request) -> Response:
        """The same number twice is one entry: a request may be repeated until it was answered."""
        asked = ToList(data=request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        new = do_not_call.list_numbers(
            [told["number"]],
            source="api",
            now=timezone.now(),
            campaign_id=told["campaign"],
            reason=told["reason"],
            by=_who(request),
            expires_at=told["expires_at"],
        )
        entry = next(one for one in _entries(told["number"]) if one["campaign"] == told["campaign"] and one["register"] is None)
        return Response(entry, status=201 if new else 200)


class AskRemoval(APIView):
    needs = "campaigns.add_donotcallremoval"

    def post(self, request: Request, entry_id: int) -> Response:
        match do_not_call.ask_removal(entry_id, reason=_said(request, "reason"), by=_who(request), now=timezone.now()):
            case Refusal(sentence):
                return Response({"detail": sentence}, status=409)
            case asked:
                return Response({"id": asked.pk, "state": asked.state}, status=201)


class DecideRemoval(APIView):
    needs = "campaigns.approve_donotcallremoval"

    def post(self, request: Request, removal_id: int, verdict: str) -> Response:
        if verdict not in ("approve", "refuse"):
            raise NotFound(f"A request is approved or refused, not {verdict}.")
        decide = do_not_call.approve_removal if verdict == "approve" else do_not_call.refuse_removal
        match decide(removal_id, by=_who(request), note=_said(request, "note"), now=timezone.now()):
            case Refusal(sentence):
                return Response({"detail": sentence}, status=409)
            case _:
                return Response({"id": removal_id, "state": f"{verdict}d"})


class ToKeep(serializers.Serializer[Any]):
    """The evidence that a contact agreed; `number`: for that number alone, and of whoever has it where `contact` is left out."""

    contact = serializers.IntegerField(required=False, allow_null=True, default=None)
    number = serializers.CharField(max_length=60, required=False, default="", allow_blank=True)
    country = serializers.CharField(max_length=2, required=False, default="", allow_blank=True)
    kind = serializers.CharField(max_length=40)
    given_at = serializers.DateTimeField()
    source = serializers.CharField(max_length=120)  # type: ignore[assignment]  # fields are taken out of the class, whatever their names
    text = serializers.CharField(required=False, default="", allow_blank=True, max_length=20_000)
    channel = serializers.CharField(max_length=40, required=False, default="", allow_blank=True)
    seller = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["number"]:
            if attrs["contact"] is None:
                raise serializers.ValidationError({"contact": "Say who agreed: a contact, or a number."})
            return attrs
        match read_number(attrs["number"], country=attrs["country"].upper()):
            case Dialable(e164):
                return {**attrs, "number": e164}
            case Undialable(why):
                raise serializers.ValidationError({"number": f"{why}."})


class Consents(APIView):
    needs = "campaigns.add_consent"

    def post(self, request: Request) -> Response:
        """The same twice is one consent: a request may be repeated until it was answered."""
        asked = ToKeep(data=request.data)
        asked.is_valid(raise_exception=True)
        told = asked.validated_data
        contacts = [told["contact"]]
        if told["contact"] is None:
            contacts = list(PhoneNumber.objects.filter(e164=told["number"]).values_list("contact_id", flat=True).distinct()[:2])
        if len(contacts) != 1:
            why = "Several contacts have this number: name the one who agreed." if contacts else "No contact has this number."
            return Response({"detail": why}, status=409)
        evidence = Evidence(e164=told["number"], **{name: told[name] for name in EVIDENCE})
        match consent.give(contacts[0], evidence, by=_who(request), now=timezone.now()):
            case Refusal(sentence):
                return Response({"detail": sentence}, status=409)
            case kept:
                return Response({"id": kept.consent.pk, "contact": contacts[0]}, status=201 if kept.is_new else 200)


EVIDENCE = ("kind", "given_at", "source", "text", "channel", "seller", "expires_at")


class Withdrawal(APIView):
    needs = "campaigns.change_consent"

    def post(self, request: Request, consent_id: int) -> Response:
        match consent.take_back(consent_id, by=_who(request), now=timezone.now()):
            case Refusal(sentence):
                return Response({"detail": sentence}, status=409)
            case _:
                return Response({"id": consent_id, "state": "taken back"})


def _who(request: Request) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied  # the permission has seen to it before
    return request.user


def _said(request: Request, name: str) -> str:
    return str(request.data.get(name) or "") if isinstance(request.data, dict) else ""


def _entries(e164: str) -> list[dict[str, Any]]:
    found = DoNotCall.objects.filter(number_key=number_key(e164, settings.NUMBER_KEY)).select_related("register").order_by("pk")
    now = timezone.now()
    return [
        {
            "id": one.pk,
            "hint": one.hint,
            "campaign": one.campaign_id,
            "register": one.register.name if one.register else None,
            "source": one.source,
            "reason": one.reason,
            "expires_at": one.expires_at,
            "created_at": one.created_at,
            "in_force": one.expires_at is None or one.expires_at > now,
        }
        for one in found
    ]


def _at(request: Request) -> datetime:
    asked: Any = request.query_params.get("at")
    if not asked:
        return timezone.now()
    try:
        at = parse_datetime(asked)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ValidationError({"at": "Write the time with its offset, such as 2026-03-10T09:00+00:00."})
    return at


urlpatterns = [
    path("leads/<int:lead_id>/explain", Explain.as_view(), name="api_explain"),
    path("do-not-call", DoNotCallEntries.as_view(), name="api_do_not_call"),
    path("do-not-call/<int:entry_id>/removal", AskRemoval.as_view(), name="api_ask_removal"),
    path("do-not-call/removals/<int:removal_id>/<slug:verdict>", DecideRemoval.as_view(), name="api_decide_removal"),
    path("consents", Consents.as_view(), name="api_consents"),
    path("consents/<int:consent_id>/withdrawal", Withdrawal.as_view(), name="api_consent_withdrawal"),
    path("campaigns/<int:campaign_id>/call-requests", CallRequests.as_view(), name="api_call_requests"),
    path("campaigns/<int:campaign_id>/waterfall", Waterfall.as_view(), name="api_waterfall"),
]
