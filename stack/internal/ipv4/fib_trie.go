// The routing tables as prefixes (net/ipv4/fib_trie.c). Linux keeps them in a
// compressed trie; menuos keeps, for each prefix length in use, its prefixes in
// order, which answers the same questions and reads more simply. Routing
// notifications are left out.

package ipv4

import (
	"math/bits"
	"sort"

	"menuos/stack/internal/core"
	"menuos/stack/internal/kernel"
	"menuos/stack/wire"
)

const (
	keylength = 32
	esrch     = 3 // ESRCH

	faSAccessed = 1
)

// fibTrie finds the longest prefix that matches an address.
type fibTrie struct {
	lens   uint64                    // bit p is set while there is a prefix of p bits
	leaves [keylength + 1][]*fibLeaf // by length, each in the order of its keys
}

// fibLeaf is a prefix with its routes: those of the local table first, then by
// falling type of service and rising metric.
type fibLeaf struct {
	key     wire.Addr
	plen    uint8
	aliases []*fibAlias
}

// fibFindNode is the leaf of a prefix, nil if it has none (fib_find_node).
func (t *fibTrie) fibFindNode(key wire.Addr, plen uint8) *fibLeaf {
	ls := t.leaves[plen]
	lo, hi := 0, len(ls)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if ls[mid].key < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(ls) && ls[lo].key == key {
		return ls[lo]
	}
	return nil
}

// fibInsertNode adds an empty leaf for a prefix that has none (fib_insert_node).
func (t *fibTrie) fibInsertNode(key wire.Addr, plen uint8) *fibLeaf {
	l := &fibLeaf{key: key, plen: plen}
	ls := t.leaves[plen]
	at := sort.Search(len(ls), func(i int) bool { return ls[i].key > key })
	ls = append(ls, nil)
	copy(ls[at+1:], ls[at:])
	ls[at] = l
	t.leaves[plen] = ls
	t.lens |= 1 << plen
	return l
}

// fibRemoveAlias takes a route off its leaf, and an empty leaf out
// (fib_remove_alias).
func (t *fibTrie) fibRemoveAlias(l *fibLeaf, at int) {
	l.aliases = append(l.aliases[:at], l.aliases[at+1:]...)
	if len(l.aliases) > 0 {
		return
	}
	ls := t.leaves[l.plen]
	for i := range ls {
		if ls[i] == l {
			ls = append(ls[:i], ls[i+1:]...)
			break
		}
	}
	t.leaves[l.plen] = ls
	if len(ls) == 0 {
		t.lens &^= 1 << l.plen
	}
}

// fibFindAlias is the position of the first route of a table with this type of
// service and at least this metric, or of the one before which such a route
// belongs; -1 if it belongs to the end of its table's part (fib_find_alias).
func (l *fibLeaf) fibFindAlias(tos uint8, prio uint32, tbId uint8) int {
	for i, fa := range l.aliases {
		switch {
		case fa.TbId > tbId:
			continue
		case fa.TbId != tbId:
			return -1
		case fa.FaTos > tos:
			continue
		case fa.FaInfo.FibPriority >= prio || fa.FaTos < tos:
			return i
		}
	}
	return -1
}

// fibInsertAlias puts a route before position at, or, for -1, at the end of its
// table's part (fib_insert_alias).
func (l *fibLeaf) fibInsertAlias(fa *fibAlias, at int) {
	if at < 0 {
		at = 0
		for at < len(l.aliases) && fa.TbId <= l.aliases[at].TbId {
			at++
		}
	}
	l.aliases = append(l.aliases, nil)
	copy(l.aliases[at+1:], l.aliases[at:])
	l.aliases[at] = fa
}

// fibValidKeyLen reports whether a prefix has no bits behind its length
// (fib_valid_key_len).
func fibValidKeyLen(key wire.Addr, plen uint8) bool {
	return plen <= keylength && key&^wire.MaskFromLen(int(plen)) == 0
}

// fibTableInsert adds a route. Errors: EINVAL for what makes no sense, EEXIST
// for what is there, ENOENT if it may only replace, and those of
// fib_create_info.
func (n *Net) fibTableInsert(tb *fibTable, cfg *FibConfig) int {
	kernel.Fentry0(&n.Kernel) // fib_table_insert net/ipv4/fib_trie.c:1126

	if !fibValidKeyLen(cfg.Dst, cfg.DstLen) {
		return -core.EINVAL
	}
	fi, err := n.fibCreateInfo(cfg) // :1146
	if err != 0 {
		return err
	}
	l := tb.trie.fibFindNode(cfg.Dst, cfg.DstLen)
	at := -1
	if l != nil {
		at = l.fibFindAlias(cfg.Tos, fi.FibPriority, tb.TbId)
	}
	if at >= 0 && l.aliases[at].FaTos == cfg.Tos && l.aliases[at].FaInfo.FibPriority == fi.FibPriority {
		if cfg.Nlflags&NlmFExcl != 0 {
			n.fibReleaseInfo(fi) // :1303
			return -core.EEXIST
		}
		first, match, next := at, -1, at
		for ; next < len(l.aliases); next++ {
			fa := l.aliases[next]
			if fa.TbId != tb.TbId || fa.FaTos != cfg.Tos || fa.FaInfo.FibPriority != fi.FibPriority {
				break
			}
			if fa.FaType == cfg.Type && fa.FaInfo == fi {
				match = next
				break
			}
		}
		if cfg.Nlflags&NlmFReplace != 0 {
			if match >= 0 {
				n.fibReleaseInfo(fi) // :1303
				if first == match {
					return 0
				}
				return -core.EEXIST
			}
			old := l.aliases[first]
			fa := *old
			fa.FaInfo, fa.FaType, fa.FaState, fa.FaDefault = fi, cfg.Type, old.FaState&^faSAccessed, -1
			l.aliases[first] = &fa
			n.fibReleaseInfo(old.FaInfo) // :1236
			if old.FaState&faSAccessed != 0 {
				n.rtCacheFlush() // :1238
			}
			return 0
		}
		if match >= 0 {
			n.fibReleaseInfo(fi) // :1303
			return -core.EEXIST
		}
		if cfg.Nlflags&NlmFAppend != 0 {
			if at = next; at == len(l.aliases) {
				at = -1
			}
		}
	}
	if cfg.Nlflags&NlmFCreate == 0 {
		n.fibReleaseInfo(fi) // :1303
		return -core.ENOENT
	}
	if l == nil {
		l = tb.trie.fibInsertNode(cfg.Dst, cfg.DstLen)
	}
	l.fibInsertAlias(&fibAlias{FaInfo: fi, FaTos: cfg.Tos, FaType: cfg.Type, FaSlen: keylength - cfg.DstLen,
		TbId: tb.TbId, FaDefault: -1}, at)
	if cfg.DstLen == 0 {
		tb.TbNumDefault++
	}
	n.rtCacheFlush() // :1286
	return 0
}

// fibTableLookup finds the route for a flow: the longest prefix, in it the first
// route that fits. It returns 0 with the route in res, -EAGAIN if there is none,
// or the error that the route stands for.
func (n *Net) fibTableLookup(tb *fibTable, flp *Flowi4, res *fibResult, fibFlags uint32) int {
	kernel.Fentry1(&n.Kernel, fibFlags) // fib_table_lookup net/ipv4/fib_trie.c:1323

	t := tb.trie
	for m := t.lens; m != 0; {
		plen := bits.Len64(m) - 1
		m &^= 1 << plen
		l := t.fibFindNode(flp.Daddr&wire.MaskFromLen(plen), uint8(plen))
		if l == nil {
			continue
		}
		for _, fa := range l.aliases {
			fi := fa.FaInfo
			if fa.FaTos != 0 && fa.FaTos != flp.Tos || fi.FibDead || fi.FibScope < flp.Scope {
				continue
			}
			fa.FaState |= faSAccessed
			if err := fibProps[fa.FaType].err; err < 0 {
				return err
			}
			nh := &fi.FibNh
			if fi.FibFlags&RtnhFDead != 0 || nh.NhFlags&RtnhFDead != 0 {
				continue
			}
			if nh.NhFlags&RtnhFLinkdown != 0 && fibFlags&FibLookupIgnoreLinkstate == 0 {
				if in := inDevGet(nh.NhDev); in != nil && in.Cnf.IgnoreRoutesWithLinkdown {
					continue
				}
			}
			if flp.Oif != 0 && flp.Oif != nh.NhOif {
				continue
			}
			*res = fibResult{Prefix: l.key, Prefixlen: l.plen, Type: fa.FaType, Scope: fi.FibScope, Fi: fi,
				Table: tb, FaHead: l}
			return 0
		}
	}
	return -core.EAGAIN
}

// fibTableDelete removes the first route that is as cfg says; ESRCH if there is
// none.
func (n *Net) fibTableDelete(tb *fibTable, cfg *FibConfig) int {
	kernel.Fentry0(&n.Kernel) // fib_table_delete net/ipv4/fib_trie.c:1548

	if !fibValidKeyLen(cfg.Dst, cfg.DstLen) {
		return -core.EINVAL
	}
	l := tb.trie.fibFindNode(cfg.Dst, cfg.DstLen)
	if l == nil {
		return -esrch
	}
	at := l.fibFindAlias(cfg.Tos, 0, tb.TbId)
	if at < 0 {
		return -esrch
	}
	for ; at < len(l.aliases); at++ {
		fa := l.aliases[at]
		fi := fa.FaInfo
		if fa.TbId != tb.TbId || fa.FaTos != cfg.Tos {
			return -esrch
		}
		if (cfg.Type == 0 || fa.FaType == cfg.Type) &&
			(cfg.Scope == RtScopeNowhere || fi.FibScope == cfg.Scope) &&
			(cfg.Prefsrc == 0 || fi.FibPrefsrc == cfg.Prefsrc) &&
			(cfg.Protocol == 0 || fi.FibProtocol == cfg.Protocol) &&
			fibNhMatch(cfg, fi) && fibMetricsMatch(cfg, fi) {
			break
		}
	}
	if at == len(l.aliases) {
		return -esrch
	}
	if cfg.DstLen == 0 {
		tb.TbNumDefault--
	}
	fa := l.aliases[at]
	tb.trie.fibRemoveAlias(l, at)
	if fa.FaState&faSAccessed != 0 {
		n.rtCacheFlush() // :1608
	}
	n.fibReleaseInfo(fa.FaInfo) // :1610
	return 0
}

// fibTableFlush removes the routes of a table whose next hop is dead, and says
// how many.
func (n *Net) fibTableFlush(tb *fibTable, flushAll bool) int {
	kernel.Fentry1(&n.Kernel, flushAll) // fib_table_flush net/ipv4/fib_trie.c:1861

	found := 0
	for plen := range tb.trie.leaves {
		for i := len(tb.trie.leaves[plen]) - 1; i >= 0; i-- {
			l := tb.trie.leaves[plen][i]
			for at := len(l.aliases) - 1; at >= 0; at-- {
				fa := l.aliases[at]
				if fa.TbId != tb.TbId || fa.FaInfo.FibFlags&RtnhFDead == 0 || fibProps[fa.FaType].err != 0 && !flushAll {
					continue
				}
				if l.plen == 0 {
					tb.TbNumDefault--
				}
				tb.trie.fibRemoveAlias(l, at)
				n.fibReleaseInfo(fa.FaInfo) // :1927
				found++
			}
		}
	}
	return found
}
