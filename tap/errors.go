// What can go wrong with the host's side, said in both languages, with the
// commands that cure it.
package tap

import (
	"fmt"
	"strings"
	"syscall"
)

// Kind is a kind of Error.
type Kind string

// The kinds of Error.
const (
	BadName      Kind = "badName"
	BadMTU       Kind = "badMTU"
	BadMAC       Kind = "badMAC"
	BadAddr      Kind = "badAddr"
	BadNetNS     Kind = "badNetNS"
	NotAHost     Kind = "notAHost"
	SameAddr     Kind = "sameAddr"
	SameMAC      Kind = "sameMAC"
	NoTun        Kind = "noTun"        // no /dev/net/tun
	NoTunAccess  Kind = "noTunAccess"  // it may not be opened
	NoPrivilege  Kind = "noPrivilege"  // to make the device
	NotOwner     Kind = "notOwner"     // of a device that is there
	Busy         Kind = "busy"         // another process has it
	NotATap      Kind = "notATap"      // the name is another kind of device's
	AddrTaken    Kind = "addrTaken"    // an interface of the host has the address
	Overlap      Kind = "overlap"      // an interface of the host has part of the subnet
	NoConfigure  Kind = "noConfigure"  // the device lacks something that only root can give it
	NoNamespace  Kind = "noNamespace"  // none can be made
	Gone         Kind = "gone"         // the device was deleted
	NamespaceEnd Kind = "namespaceEnd" // the process that held the namespace ended
	NoPlatform   Kind = "noPlatform"
	HostFailed   Kind = "hostFailed"
	MachineSays  Kind = "machineSays"
)

// Error is what is wrong, and what to do about it.
type Error struct {
	Kind  Kind
	Args  []string      // of the sentence
	Cure  []string      // commands, to be typed as they are
	Errno syscall.Errno // 0: none
}

var sentences = map[Kind][2]string{
	BadName:      {"%s cannot be a device's name: %s", "%s 不能作为设备名:%s"},
	BadMTU:       {"an MTU of %s bytes: it must be %s to %s", "MTU %s 字节:必须在 %s 到 %s 之间"},
	BadMAC:       {"%s is a group's address: a station's begins with an even octet", "%s 是组地址:主机地址的第一个字节必须是偶数"},
	BadAddr:      {"%s: the machine's address must be IPv4 with a prefix length of 1 to 31, such as 192.168.40.254/24", "%s:机器的地址必须是 IPv4,前缀长度 1 到 31,例如 192.168.40.254/24"},
	BadNetNS:     {"network namespace %s: only \"new\" is known", "网络命名空间 %s:只支持 \"new\""},
	NotAHost:     {"%s is not a station's address in %s", "%s 不是 %s 中可用的主机地址"},
	SameAddr:     {"%s is the machine's own address", "%s 是机器自己的地址"},
	SameMAC:      {"%s is the MAC address of the host's end", "%s 是主机端的 MAC 地址"},
	NoTun:        {"there is no /dev/net/tun: the host's kernel has no TUN/TAP driver, or the container was not given it", "没有 /dev/net/tun:主机内核没有 TUN/TAP 驱动,或容器没有得到该设备"},
	NoTunAccess:  {"/dev/net/tun cannot be opened: %s", "无法打开 /dev/net/tun:%s"},
	NoPrivilege:  {"making the device %s needs CAP_NET_ADMIN; let root make it for you, or use a namespace of your own", "创建设备 %s 需要 CAP_NET_ADMIN;请由 root 为你创建,或使用自己的命名空间"},
	NotOwner:     {"%s belongs to user %s", "%s 属于用户 %s"},
	Busy:         {"%s is in use by %s", "%s 正被 %s 使用"},
	NotATap:      {"the host has an interface %s, of type %s, not %s", "主机已有接口 %s,类型为 %s,不是 %s"},
	AddrTaken:    {"%s is the address of %s on the host: choose another subnet (--addr)", "%s 是主机上 %s 的地址:请选择另一个子网 (--addr)"},
	Overlap:      {"%s overlaps %s on %s of the host: choose another subnet (--addr)", "%s 与主机上 %[3]s 的 %[2]s 重叠:请选择另一个子网 (--addr)"},
	NoConfigure:  {"%s lacks %s, which needs CAP_NET_ADMIN", "%s 缺少 %s,设置它需要 CAP_NET_ADMIN"},
	NoNamespace:  {"the host does not let you make a network namespace: %s", "主机不允许创建网络命名空间:%s"},
	Gone:         {"the host's device %s is gone; the machine's %s has lost its carrier", "主机的设备 %s 已消失;机器的 %s 失去载波"},
	NamespaceEnd: {"the process that held %s's network namespace ended; the machine's %s has lost its carrier", "保持 %s 的网络命名空间的进程已结束;机器的 %s 失去载波"},
	NoPlatform:   {"TAP and TUN links need Linux; this is %s. Run menuos in a Linux machine or a virtual one (macOS: Lima, UTM; Windows: WSL 2); everything else works here", "TAP 和 TUN 链路需要 Linux,而这里是 %s。请在 Linux 主机或虚拟机中运行 menuos(macOS:Lima、UTM;Windows:WSL 2);其他功能在此均可用"},
	HostFailed:   {"%s: %s", "%s:%s"},
	MachineSays:  {"the machine's %s: %s", "机器的 %s:%s"},
}

// faults are nameFault's words.
var faults = map[string][2]string{
	"long":  {"it is longer than 15 bytes", "超过 15 字节"},
	"dots":  {"it names a directory", "它表示目录"},
	"space": {"it has a space or a control character", "含有空格或控制字符"},
	"mark":  {"it has a /, : or %", "含有 /、: 或 %"},
}

func problem(kind Kind, args ...any) *Error {
	e := &Error{Kind: kind}
	for _, a := range args {
		e.Args = append(e.Args, fmt.Sprint(a))
	}
	return e
}

func machineProblem(iface string, err error) error {
	if err == nil {
		return nil
	}
	return problem(MachineSays, iface, err)
}

// In is the error in a language, "en" or "zh": a sentence, and the commands that
// cure it, one a line.
func (e *Error) In(lang string) string {
	i, try := 0, "try"
	if lang == "zh" {
		i, try = 1, "可以试试"
	}
	args := make([]any, len(e.Args))
	for n, a := range e.Args {
		if f, ok := faults[a]; ok && e.Kind == BadName && n > 0 {
			a = f[i]
		}
		args[n] = a
	}
	s := fmt.Sprintf(sentences[e.Kind][i], args...)
	if len(e.Cure) > 0 {
		s += "; " + try + ":\n  " + strings.Join(e.Cure, "\n  ")
	}
	return s
}

// Error is the error in English.
func (e *Error) Error() string { return e.In("en") }

// Unwrap is the host's error number, if there is one.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}
