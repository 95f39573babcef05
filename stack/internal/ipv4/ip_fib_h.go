// The routing tables' types and the lookup that all begins with
// (include/net/ip_fib.h). Left out: policy rules, route realms, multipath
// routes, light-weight tunnels and offload.

package ipv4

import (
	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

// fibTables are the tables of a machine. As in Linux without policy rules, local
// and main are two views of one trie, so that one lookup searches both.
type fibTables struct {
	main, local *fibTable
	infos       []*fibInfo // every fib_info in use, in the order of creation
}

// fibTable is a routing table (struct fib_table).
type fibTable struct {
	TbId         uint8
	TbNumDefault int
	trie         *fibTrie
}

// FibConfig asks for a route to be added or deleted (struct fib_config).
type FibConfig struct {
	Dst      wire.Addr
	DstLen   uint8
	Tos      uint8
	Protocol uint8 // RTPROT_*
	Scope    uint8 // RT_SCOPE_*
	Type     uint8 // RTN_*
	Table    uint8 // RT_TABLE_*
	Oif      int
	Gw       wire.Addr
	Priority uint32
	Prefsrc  wire.Addr
	Metrics  [core.RtaxMax + 1]uint32
	MtuLock  bool
	Flags    uint32 // RTNH_F_*
	Nlflags  uint16 // NLM_F_*
}

// fibNh is the next hop of a route (struct fib_nh), with the routes cached for it.
type fibNh struct {
	NhDev        *core.NetDevice
	NhParent     *fibInfo
	NhFlags      uint32
	NhScope      uint8
	NhOif        int
	NhGw         wire.Addr
	NhSaddr      wire.Addr
	NhSaddrGenid int
	NhRthOutput  *Rtable
	NhRthInput   *Rtable
	NhExceptions []*fibNhException
	NhUpperBound int
}

// fibNhException is what was learnt of one destination behind a next hop, a path
// MTU or a redirect (struct fib_nh_exception).
type fibNhException struct {
	FnheDaddr     wire.Addr
	FnheGw        wire.Addr
	FnhePmtu      uint32
	FnheMtuLocked bool
	FnheGenid     int
	FnheExpires   uint64 // jiffies
	FnheStamp     uint64 // jiffies
	FnheRthOutput *Rtable
	FnheRthInput  *Rtable
}

// fibInfo is what a route says, apart from its prefix; equal ones are shared
// (struct fib_info). menuos has one next hop a route.
type fibInfo struct {
	FibTreeref  int
	FibDead     bool
	FibFlags    uint32
	FibProtocol uint8
	FibScope    uint8
	FibType     uint8
	FibTbId     uint8
	FibPrefsrc  wire.Addr
	FibPriority uint32
	FibMetrics  [core.RtaxMax + 1]uint32
	FibMtuLock  bool
	FibNh       fibNh
}

// fibAlias is one route of a prefix (struct fib_alias).
type fibAlias struct {
	FaInfo    *fibInfo
	FaTos     uint8
	FaType    uint8
	FaState   uint8
	FaSlen    uint8
	TbId      uint8
	FaDefault int16
}

// fibResult is the answer to a lookup (struct fib_result).
type fibResult struct {
	Prefix    wire.Addr
	Prefixlen uint8
	Type      uint8
	Scope     uint8
	Fi        *fibInfo
	Table     *fibTable
	FaHead    *fibLeaf
}

// nh is the next hop of a result that has a route (FIB_RES_NH).
func (res *fibResult) nh() *fibNh { return &res.Fi.FibNh }

// prefsrc is the source address for packets along a result; false if that must
// be chosen anew (FIB_RES_PREFSRC, FIB_RES_SADDR).
func (res *fibResult) prefsrc(devAddrGenid int) (wire.Addr, bool) {
	if res.Fi.FibPrefsrc != 0 {
		return res.Fi.FibPrefsrc, true
	}
	nh := res.nh()
	return nh.NhSaddr, nh.NhSaddrGenid == devAddrGenid
}

// fibGetTable is the table with an id, nil if there is none (fib_get_table).
func (n *Net) fibGetTable(id uint8) *fibTable {
	switch id {
	case RtTableMain, RtTableUnspec:
		return n.fib.main
	case RtTableLocal:
		return n.fib.local
	}
	return nil
}

// fibLookup finds the route for a flow.
func (n *Net) fibLookup(flp *Flowi4, res *fibResult, flags uint32) int {
	kernel.Fentry1(&n.Kernel, flags) // fib_lookup include/net/ip_fib.h:332

	err := n.fibTableLookup(n.fib.main, flp, res, flags|FibLookupNoref) // :341
	if err == -core.EAGAIN {
		err = -core.ENETUNREACH
	}
	return err
}
