// Package packetdrill runs scripts in packetdrill's language against a machine:
// the packets that a peer would send and the system calls that a program makes,
// each at its time, and the packets and results that must come of them. Time is
// the machine's, so a run takes no time and is the same every time.
//
// The language is that of https://github.com/google/packetdrill, for IPv4. What
// the package does not know, or knows to be of no consequence here, it notes:
// shell commands other than settings of kernel parameters and of the interface,
// Python beyond assignments, assertions and print.
package packetdrill
