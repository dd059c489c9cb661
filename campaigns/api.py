"""What other programs may ask: why a lead is called or not, and why a list is. Signed in, and with the permission each address names.

    GET /api/leads/<id>/explain?at=        `explain.Explanation.told`, past calls with the permits they were made under
    GET /api/campaigns/<id>/waterfall?at=  `waterfall.Waterfall.told`

`at`: as if it were this time, with its offset, over the facts of now. 400: it cannot be read; 403: not allowed; 404: there is none.
"""

from datetime import datetime
from typing import Any

from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from campaigns import explain, waterfall


class Explain(APIView):
    needs = "campaigns.view_lead"

    def get(self, request: Request, lead_id: int) -> Response:
        found = explain.lead(lead_id, now=_at(request))
        if found is None:
            raise NotFound(f"There is no lead {lead_id}.")
        return Response(found.told())


class Waterfall(APIView):
    needs = "campaigns.view_campaign"

    def get(self, request: Request, campaign_id: int) -> Response:
        found = waterfall.of_campaign(campaign_id, now=_at(request))
        if found is None:
            raise NotFound(f"There is no campaign {campaign_id}.")
        return Response(found.told())


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
    path("campaigns/<int:campaign_id>/waterfall", Waterfall.as_view(), name="api_waterfall"),
]
