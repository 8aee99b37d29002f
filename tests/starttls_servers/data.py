"""vsftpd, slapd, PostgreSQL and MariaDB."""

from __future__ import annotations

from pathlib import Path

from starttls_servers.premises import Premises, free_ports, is_root, server_program

_VSFTPD = """
listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
anon_root={folder}/files
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
run_as_launching_user={alone}
"""

_VSFTPD_TLS = """
ssl_enable=YES
allow_anon_ssl=YES
require_ssl_reuse=NO
rsa_cert_file={cert}
rsa_private_key_file={key}
"""


def vsftpd(premises: Premises) -> dict[str, int]:
    """FTP with AUTH TLS, and `without` it."""
    program = server_program("vsftpd")
    ftp, without = free_ports(2)
    for name in ("files", "empty"):
        premises.directory(name).chmod(0o555)
    tls = _VSFTPD_TLS.format(cert=premises.cert, key=premises.key)
    for port, more in ((ftp, tls), (without, "")):
        text = _VSFTPD.format(folder=premises.folder, port=port, alone="NO" if is_root() else "YES") + more
        process = premises.start(program, premises.file(f"vsftpd-{port}.conf", text))
        premises.await_ports(port, process=process)
    return {"ftp": ftp, "without": without}


_SLAPD = """
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_ldif
pidfile {folder}/{name}.pid
database ldif
suffix "dc=test"
directory {folder}/{name}
"""

_SLAPD_TLS = """
TLSCertificateFile {cert}
TLSCertificateKeyFile {key}
"""


def slapd(premises: Premises) -> dict[str, int]:
    """LDAP with StartTLS, LDAPS, and LDAP `without` TLS."""
    # Where AppArmor confines it to folders of its own, it does so by the program's path.
    program = premises.copy(server_program("slapd"))
    ldap, ldaps, without = free_ports(3)
    tls = _SLAPD_TLS.format(cert=premises.cert, key=premises.key)
    servers = (
        ("with", tls, f"ldap://127.0.0.1:{ldap}/ ldaps://127.0.0.1:{ldaps}/"),
        ("without", "", f"ldap://127.0.0.1:{without}/"),
    )
    for name, more, urls in servers:
        premises.directory(name)
        # What is of the whole server stands before the databases.
        configuration = premises.file(f"{name}.conf", more + _SLAPD.format(folder=premises.folder, name=name))
        premises.start(program, "-d", "0", "-f", configuration, "-h", urls)
    premises.await_ports(ldap, ldaps, without)
    return {"ldap": ldap, "ldaps": ldaps, "without": without}


def postgresql(premises: Premises) -> dict[str, int]:
    """PostgreSQL with TLS. It refuses to run as root."""
    folders = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    initdb, postgres = server_program("initdb", *folders), server_program("postgres", *folders)
    (port,) = free_ports(1)
    data = premises.directory("data", owner="postgres")
    premises.give(premises.key, "postgres")
    premises.run(initdb, "-D", data, "-A", "trust", "--no-sync", user="postgres")
    settings = {"ssl": "on", "ssl_cert_file": premises.cert, "ssl_key_file": premises.key, "fsync": "off"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    process = premises.start(postgres, "-D", data, "-k", data, "-h", "127.0.0.1", "-p", str(port), *options, user="postgres")
    premises.await_ports(port, process=process)
    return {"postgres": port}


def mariadb(premises: Premises) -> dict[str, int]:
    """MariaDB with TLS. It refuses to run as root."""
    program, install = server_program("mariadbd"), server_program("mariadb-install-db", "/usr/bin")
    (port,) = free_ports(1)
    data = premises.directory("data", owner="mysql")
    premises.give(premises.key, "mysql")
    premises.run(
        install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", user="mysql"
    )
    files = (f"--ssl-cert={premises.cert}", f"--ssl-key={premises.key}", f"--socket={data}/socket", f"--pid-file={data}/pid")
    address = (f"--port={port}", "--bind-address=127.0.0.1")
    process = premises.start(program, "--no-defaults", f"--datadir={data}", *files, *address, user="mysql")
    premises.await_ports(port, process=process)
    return {"mysql": port}
