"""Builds the fast path. All else stands in pyproject.toml.

TLSTOOL_NATIVE: `auto` (the default) goes on without the fast path where there is no Rust toolchain, `require` fails there,
`off` does not try. TLSTOOL_NATIVE_FEATURES: features of the crate, such as `fips`.
"""

import os

from setuptools import setup
from setuptools_rust import Binding, RustExtension

# As in .cargo/config.toml, which cargo does not see where pip builds from another folder. The FIPS module has its own rules.
os.environ.setdefault("AWS_LC_SYS_NO_JITTER_ENTROPY", "1")

mode = os.environ.get("TLSTOOL_NATIVE", "auto")
if mode not in {"auto", "require", "off"}:
    raise SystemExit(f"TLSTOOL_NATIVE is {mode!r}; it takes auto, require or off")

if mode == "off":
    setup()
else:
    setup(
        rust_extensions=[
            RustExtension(
                "tlstool._native",
                path="rust/Cargo.toml",
                args=["--locked"],
                features=os.environ.get("TLSTOOL_NATIVE_FEATURES", "").split(),
                binding=Binding.PyO3,
                py_limited_api="auto",
                optional=mode == "auto",
                debug=False,
            )
        ],
        options={"bdist_wheel": {"py_limited_api": "cp311"}},
    )
