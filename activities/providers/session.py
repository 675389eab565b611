"""How providers are reached over HTTP: connections that stay open, in surroundings that were read once."""

from __future__ import annotations

import os
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

_KEPT = 32
"""Connections that stay open between calls; the most that a worker's threads use at once."""


def session_for(url: str) -> requests.Session:
    """A session for calls to `url` and what lies below it, which threads may share.

    A proxy and the file of trusted certificates are taken from the environment as requests does (``HTTPS_PROXY``,
    ``NO_PROXY``, ``REQUESTS_CA_BUNDLE``), but once: to ask at every call costs more than the rest of making it. A
    ``.netrc`` is not read, because a password in it would take the place of the provider's key.
    """
    session = requests.Session()
    session.proxies.update(get_environ_proxies(url))
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    session.trust_env = False
    # The pool of connections is made for threads. The cookies are not, and no provider's interface wants any.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.mount(url, HTTPAdapter(pool_maxsize=_KEPT))
    return session
