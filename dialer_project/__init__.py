"""The Django project: settings, urls, asgi; `lib`, the leaves everything stands on; `local`, the product on one machine."""
