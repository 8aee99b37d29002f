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
    """FTP with AUTH TLS, and without."""
    program = server_program("vsftpd")
    ftp, without = free_ports(2)
    for name in ("files", "empty"):
        premises.directory(name).chmod(0o555)
    tls = _VSFTPD_TLS.format(cert=premises.cert, key=premises.key)
    for port, more in ((ftp, tls), (without, "")):
        text = _VSFTPD.format(folder=premises.folder, port=port, alone="NO" if is_root() else "YES") + more
        process = premises.start(program, premises.file(f"vsftpd-{port}.conf", text))
        premises.await_ports(port, process=process)
    return {"ftp": ftp, "ftp-without": without}


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
    """LDAP with StartTLS, LDAPS, and LDAP without."""
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
    return {"ldap": ldap, "ldaps": ldaps, "ldap-without": without}


def postgresql(premises: Premises) -> dict[str, int]:
    """PostgreSQL with TLS and without. It refuses to run as root."""
    folders = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    initdb, postgres = server_program("initdb", *folders), server_program("postgres", *folders)
    data, copy = premises.directory("data", owner="postgres"), premises.folder / "copy"
    premises.give(premises.key, "postgres")
    premises.run(initdb, "-D", data, "-A", "trust", "--no-sync", user="postgres")
    premises.run("cp", "-a", data, copy)
    tls = ("-c", "ssl=on", "-c", f"ssl_cert_file={premises.cert}", "-c", f"ssl_key_file={premises.key}")
    ports = free_ports(2)
    for port, where, more in zip(ports, (data, copy), (tls, ()), strict=True):
        address = ("-h", "127.0.0.1", "-p", str(port), "-k", where)
        premises.start(postgres, "-D", where, *address, "-c", "fsync=off", *more, user="postgres")
    premises.await_ports(*ports)
    return dict(zip(("postgres", "postgres-without"), ports, strict=True))


def mariadb(premises: Premises) -> dict[str, int]:
    """MariaDB with TLS and without. It refuses to run as root."""
    program, install = server_program("mariadbd"), server_program("mariadb-install-db", "/usr/bin")
    data, copy = premises.directory("data", owner="mysql"), premises.folder / "copy"
    premises.give(premises.key, "mysql")
    premises.run(
        install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", user="mysql"
    )
    premises.run("cp", "-a", data, copy)
    tls = (f"--ssl-cert={premises.cert}", f"--ssl-key={premises.key}")
    ports = free_ports(2)
    for port, where, more in zip(ports, (data, copy), (tls, ("--skip-ssl",)), strict=True):
        files = (f"--datadir={where}", f"--socket={where}/socket", f"--pid-file={where}/pid")
        premises.start(program, "--no-defaults", *files, f"--port={port}", "--bind-address=127.0.0.1", *more, user="mysql")
    premises.await_ports(*ports)
    return dict(zip(("mysql", "mysql-without"), ports, strict=True))
