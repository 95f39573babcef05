package wire

import "errors"

// What Check finds wrong. The values are returned as they are, never wrapped, so that a caller may switch on them and
// count each under its own MIB.
var (
	// ErrShort: fewer bytes than the fixed header.
	ErrShort = errors.New("shorter than its header")
	// ErrVersion: the IP version is not 4.
	ErrVersion = errors.New("not IP version 4")
	// ErrHeaderLen: the header length field is below the minimum, or above the bytes there are.
	ErrHeaderLen = errors.New("bad header length")
	// ErrTotalLen: the length field is smaller than the header.
	ErrTotalLen = errors.New("length smaller than the header")
	// ErrTruncated: the length field is larger than the bytes there are.
	ErrTruncated = errors.New("length beyond the data")
	// ErrARPFormat: ARP for something else than IPv4 over 6-byte hardware addresses.
	ErrARPFormat = errors.New("not ARP for IPv4 over Ethernet")
	// ErrOptionTruncated: an option's length byte is missing, or reaches beyond the options.
	ErrOptionTruncated = errors.New("option beyond the header")
	// ErrOptionLen: an option's length is 0 or 1, less than its own kind and length bytes.
	ErrOptionLen = errors.New("option length below 2")
)
