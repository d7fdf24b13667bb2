"""The ASN.1 forms of RFC 3161 (requests, responses, tokens), of CMS (RFC 5652) and of ESS (RFC
5816), as far as a time stamp uses them. All of it is DER: what has another encoding is refused.

- a set of certificates is read as a list: authorities do not sort it, and nothing hangs on its
  order
- what is skipped is held as raw elements and believed in nothing
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from ledger.domain.errors import FormatError
from ledger.domain.identity.certificate import MALFORMED

SIGNED_DATA: Final = ObjectIdentifier("1.2.840.113549.1.7.2")
TST_INFO: Final = ObjectIdentifier("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE: Final = ObjectIdentifier("1.2.840.113549.1.9.3")
MESSAGE_DIGEST: Final = ObjectIdentifier("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE: Final = ObjectIdentifier("1.2.840.113549.1.9.16.2.12")
SIGNING_CERTIFICATE_V2: Final = ObjectIdentifier("1.2.840.113549.1.9.16.2.47")
SHA256: Final = ObjectIdentifier("2.16.840.1.101.3.4.2.1")

_T = TypeVar("_T")


@asn1.sequence
class Algorithm:
    """An algorithm without parameters; with others than NULL none is accepted."""

    oid: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class Imprint:
    """What is stamped: a digest."""

    algorithm: Algorithm
    digest: bytes


@asn1.sequence
class Request:
    """TimeStampReq."""

    version: int
    imprint: Imprint
    policy: ObjectIdentifier | None
    nonce: int | None
    certificates: Annotated[bool, asn1.Default(value=False)]


@asn1.sequence
class Accuracy:
    """By how much a time may be wrong."""

    seconds: int | None
    millis: Annotated[int | None, asn1.Implicit(0)]
    micros: Annotated[int | None, asn1.Implicit(1)]


@asn1.sequence
class TstInfo:
    """What a token says."""

    version: int
    policy: ObjectIdentifier
    imprint: Imprint
    serial: int
    time: asn1.GeneralizedTime
    accuracy: Accuracy | None
    ordering: bool | None
    nonce: int | None
    authority: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    extensions: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class Content:
    """EncapsulatedContentInfo."""

    type: ObjectIdentifier
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class IssuerAndSerial:
    """Names a certificate by who issued it; the name is compared as it is encoded."""

    issuer: asn1.TLV
    serial: int


@asn1.sequence
class Attribute:
    """An attribute of a signer."""

    type: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class SignerInfo:
    """One signature. The set of attributes is strict DER: the signature is over its encoding."""

    version: int
    signer: asn1.TLV
    digest: Algorithm
    attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    algorithm: Algorithm
    signature: bytes
    unsigned: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class SignedData:
    """SignedData, whose certificates an authority need not sort."""

    version: int
    digests: asn1.SetOf[asn1.TLV]
    content: Content
    certificates: Annotated[list[asn1.TLV] | None, asn1.Implicit(0)]
    lists: Annotated[list[asn1.TLV] | None, asn1.Implicit(1)]
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class ContentInfo:
    """What a token is in whole."""

    type: ObjectIdentifier
    content: Annotated[SignedData, asn1.Explicit(0)]


@asn1.sequence
class EssCertId:
    """A certificate by its SHA-1 (RFC 2634)."""

    digest: bytes
    issuer: list[asn1.TLV] | None


@asn1.sequence
class SigningCertificate:
    """Which certificate signed."""

    certificates: list[EssCertId]
    policies: list[asn1.TLV] | None


@asn1.sequence
class EssCertIdV2:
    """A certificate by its digest, SHA-256 where none is named (RFC 5035)."""

    algorithm: Algorithm | None
    digest: bytes
    issuer: list[asn1.TLV] | None


@asn1.sequence
class SigningCertificateV2:
    """Which certificate signed."""

    certificates: list[EssCertIdV2]
    policies: list[asn1.TLV] | None


@asn1.sequence
class Status:
    """PKIStatusInfo: what an authority says of a request."""

    status: int
    text: list[asn1.TLV] | None
    failure: asn1.BitString | None


@asn1.sequence
class Refusal:
    """TimeStampResp without a token."""

    status: Status


@asn1.sequence
class Response:
    """TimeStampResp with one."""

    status: Status
    token: asn1.TLV


def decode(form: type[_T], data: bytes, what: str) -> _T:
    """Decode DER.

    Returns:
        the value in its form.

    Raises:
        FormatError: another form, another encoding, or bytes behind it.
    """
    try:
        return asn1.decode_der(form, data)
    except MALFORMED as error:
        raise FormatError(f"{what}: not in the DER form that it should have") from error


def encode(value: Any) -> bytes:
    """The DER of a value or of a raw element."""
    return asn1.encode_der(value)
