"""Prosody and InspIRCd."""

from __future__ import annotations

from starttls_servers.premises import Premises, free_ports, is_root, server_program

_PROSODY = """
daemonize = false
pidfile = "{folder}/{state}/prosody.pid"
data_path = "{folder}/{state}"
log = "*console"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {client} }}
s2s_ports = {{ {server} }}
http_ports = {{}}
https_ports = {{}}
modules_enabled = {{ {modules} "saslauth", "disco", "dialback" }}
modules_disabled = {{ "http", {disabled} }}
authentication = "anonymous"
c2s_require_encryption = {tls}
s2s_require_encryption = {tls}
ssl = {{ certificate = "{cert}", key = "{key}" }}
VirtualHost "localhost"
"""


def prosody(premises: Premises) -> dict[str, int]:
    """XMPP for clients and for servers, with STARTTLS and without, for the domain localhost alone."""
    program = server_program("prosody", "/usr/bin")
    premises.give(premises.key, "prosody")
    names = {"folder": premises.folder, "cert": premises.cert, "key": premises.key}
    found = {}
    for state, suffix in (("with", ""), ("without", "-without")):
        client, server = free_ports(2)
        premises.directory(state, owner="prosody")
        modules = (
            {"modules": "", "disabled": '"tls"', "tls": "false"}
            if suffix
            else {"modules": '"tls",', "disabled": "", "tls": "true"}
        )
        text = _PROSODY.format(**names, **modules, state=state, client=client, server=server)
        configuration = premises.file(f"{state}.cfg.lua", text)
        process = premises.start(program, "-F", "--config", configuration, user="prosody")
        premises.await_ports(client, server, process=process)
        found |= {f"xmpp{suffix}": client, f"xmpp-server{suffix}": server}
    return found


_INSPIRCD = """
<config format="xml">
<server name="irc.test" description="test" network="test" id="1AB">
<admin name="a" nick="a" email="a@irc.test">
<connect allow="*" resolvehostnames="no" useident="no" timeout="60" threshold="100">
<bind address="127.0.0.1" port="{port}" type="clients">
<pid file="{folder}/inspircd-{port}.pid">
<path configdir="{folder}" datadir="{folder}/state" logdir="{folder}">
<log method="file" type="*" level="default" target="inspircd-{port}.txt">
<module name="cap">
"""

_INSPIRCD_TLS = """
<module name="ssl_gnutls">
<module name="starttls">
<sslprofile name="tls" provider="gnutls" certfile="{cert}" keyfile="{key}">
<starttls sslprofile="tls">
"""


def inspircd(premises: Premises) -> dict[str, int]:
    """IRC with STARTTLS, and without."""
    program = server_program("inspircd")
    irc, without = free_ports(2)
    premises.directory("state")
    tls = _INSPIRCD_TLS.format(cert=premises.cert, key=premises.key)
    for port, more in ((irc, tls), (without, "")):
        text = _INSPIRCD.format(port=port, folder=premises.folder) + more
        as_root = ("--runasroot",) if is_root() else ()
        process = premises.start(program, *as_root, "--nofork", f"--config={premises.file(f'inspircd-{port}.conf', text)}")
        premises.await_ports(port, process=process)
    return {"irc": irc, "irc-without": without}
