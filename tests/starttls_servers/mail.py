"""Postfix and Dovecot."""

from __future__ import annotations

import grp
import os
import pwd

from starttls_servers.premises import Premises, free_ports, is_root, require_root, server_program

_POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
local_transport = discard
alias_maps =
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
"""

# Nothing of the mail itself is needed, but smtpd hangs without those that it asks.
_POSTFIX_MASTER = """
127.0.0.1:{smtp} inet n - n - 10 smtpd
127.0.0.1:{without} inet n - n - 10 smtpd -o smtpd_tls_security_level=none
127.0.0.1:{broken} inet n - n - 10 smtpd -o smtpd_tls_cert_file={folder}/missing.pem
cleanup unix n - n - 0 cleanup
rewrite unix - - n - - trivial-rewrite
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
qmgr unix n - n 300 1 qmgr
discard unix - - n - - discard
postlog unix-dgram n - n - 1 postlogd
"""


def postfix(premises: Premises) -> dict[str, int]:
    """SMTP with STARTTLS, without, and `broken`: its certificate is missing."""
    program = server_program("postfix")
    require_root("postfix")
    smtp, without, broken = free_ports(3)
    premises.directory("queue")
    premises.directory("data", owner="postfix")
    names = {"folder": premises.folder, "cert": premises.cert, "key": premises.key}
    premises.file("etc/main.cf", _POSTFIX_MAIN.format(**names))
    premises.file("etc/master.cf", _POSTFIX_MASTER.format(smtp=smtp, without=without, broken=broken, **names))
    premises.at_end(program, "-c", premises.folder / "etc", "abort")
    premises.run(program, "-c", premises.folder / "etc", "start")
    premises.await_ports(smtp, without, broken)
    return {"smtp": smtp, "smtp-without": without, "broken": broken}


_DOVECOT_OF_ONE_USER = """
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
service pop3-login {{
  chroot =
}}
service managesieve-login {{
  chroot =
}}
"""

_DOVECOT = """
base_dir = {folder}/{ssl}/run
state_dir = {folder}/{ssl}/state
log_path = {folder}/dovecot.log
protocols = imap pop3 sieve lmtp
listen = 127.0.0.1
ssl = {ssl}
ssl_cert = <{cert}
ssl_key = <{key}
{users}passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


def dovecot(premises: Premises) -> dict[str, int]:
    """IMAP, POP3, ManageSieve and LMTP, with STARTTLS and without."""
    program = server_program("dovecot")
    protocols = ("imap", "pop3", "sieve", "lmtp")
    premises.file("users", f"user:{{PLAIN}}a word:1000:1000::{premises.folder}\n")
    names = {"folder": premises.folder, "cert": premises.cert, "key": premises.key, "users": "" if is_root() else _own_user()}
    found = {}
    for ssl, suffix in (("yes", ""), ("no", "-without")):
        ports = dict(zip(protocols, free_ports(len(protocols)), strict=True))
        configuration = premises.file(f"{ssl}/dovecot.conf", _DOVECOT.format(**names, **ports, ssl=ssl))
        process = premises.start(program, "-F", "-c", configuration)
        premises.await_ports(*ports.values(), process=process)
        found |= {f"{protocol}{suffix}": port for protocol, port in ports.items()}
    return found


def _own_user() -> str:
    return _DOVECOT_OF_ONE_USER.format(user=pwd.getpwuid(os.geteuid()).pw_name, group=grp.getgrgid(os.getegid()).gr_name)
