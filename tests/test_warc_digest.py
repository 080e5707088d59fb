import doctest

import pytest
from warcio.utils import Digester as PeerDigester

from warc import digest, values, writer
from warc.digest import EMPTY_PAYLOAD, Digester, digest_of


@pytest.mark.parametrize("module", [digest, values, writer])
def test_the_examples_in_docstrings_are_true(module):
    failed, tried = doctest.testmod(module)
    assert (failed, tried > 0) == (0, True)


def test_digest_of_nothing_is_the_well_known_one():
    assert EMPTY_PAYLOAD == "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"


def test_pieces_and_whole_agree_with_warcio():
    text = "Trời Hà Nội trở gió".encode()
    peer = PeerDigester("sha1")
    peer.update(text)
    assert digest_of(text) == digest_of([text[:5], text[5:]]) == str(Digester(text[:9], text[9:])) == str(peer)
