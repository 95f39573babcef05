// Package wire gives names to the bytes of the headers that the stack reads and writes: Ethernet, ARP, IPv4,
// ICMPv4, UDP and TCP, with their checksums, sequence arithmetic and options, and prints a packet in packetdrill's
// notation.
//
// A header is a view: a []byte whose methods read and write fields in place. A view owns nothing and keeps no
// state, so converting to one costs nothing:
//
//	ip := wire.IPv4(b)
//	if err := ip.Check(); err != nil {
//		return err
//	}
//	th := wire.TCP(ip.Payload())
//
// Rules of use:
//
//   - Bytes from outside go through Check once. After that every getter of that view is in range. Before it, a
//     getter on a slice that is too short panics, as indexing does.
//   - Setters write one field and leave the checksum alone. It is computed last.
//   - Payload and Options return slices of the view, not copies.
//
// Everything is in host order once read: addresses are Addr, ports and sequence numbers are plain integers, header
// lengths and fragment offsets are in bytes, not in the 4- and 8-byte units of the wire.
package wire
