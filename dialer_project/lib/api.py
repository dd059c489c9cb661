"""Who may ask the API: nobody, unless the address says who."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request


class Permitted(BasePermission):
    """Whoever has the permission that the view names in `needs`; where it names none, nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        needs: str | None = getattr(view, "needs", None)
        return needs is not None and request.user.is_authenticated and request.user.has_perm(needs)
