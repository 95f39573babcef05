package shell

import (
	"fmt"
	"strings"

	"menuos/stack"
)

// bannerText is the laboratory's.
const bannerText = "                                                            \n" +
	"  *    *                                   ****       ****  \n" +
	" ***  ***     **        **      *    *    *    *     **     \n" +
	" * *  * *    *  *      *  *     *    *   *      *   **      \n" +
	" * *  * *   *    *    *    *    *    *   *      *    ***    \n" +
	" *  **  *   ******    *    *    *    *   *      *      **   \n" +
	" *      *   *         *    *    *    *   *      *       **  \n" +
	" *      *    *        *    *     *  **    *    *       **   \n" +
	" *      *     ***     *    *      **  *    ****     ****    \n" +
	"                                                            \n"

// boot brings the interfaces up.
func (s *Session) boot() (note string, err error) {
	if s.cfg.Attach == nil {
		return "", s.m.Boot()
	}
	if err := s.m.IfUp("lo"); err != nil {
		return "", err
	}
	return s.cfg.Attach(s.m, func(text string) {
		s.out.freshLine()
		fmt.Fprintln(s.out, text)
	})
}

// bootTranscript is what the laboratory's program prints before its banner.
func bootTranscript(ifaces []stack.Iface, routes []stack.Route) string {
	var b strings.Builder
	for _, i := range ifaces {
		fmt.Fprintf(&b, "Bring up interface:%s\n", i.Name)
	}
	b.WriteString("List all interfaces:\n")
	for _, i := range ifaces {
		fmt.Fprintf(&b, "interface:%s\n", i.Name)
		for _, a := range i.Addrs {
			fmt.Fprintf(&b, "Ip Address %s\n", a.Prefix.Addr())
		}
		fmt.Fprintf(&b, "Device %s -> Ethernet %s\n", i.Name, i.MAC)
	}
	for _, r := range routes {
		if r.Dst.Bits() == 0 && r.Gw.IsValid() {
			fmt.Fprintf(&b, "Default gateway %s\n", r.Gw)
		}
	}
	return b.String()
}
