// Our own words, in both languages.

package steps

import "fmt"

type text struct{ en, zh string }

var words = map[string]text{
	"band.user":          {"%s itself, in user space", "%s 自身,用户态"},
	"band.syscall":       {"system call %s of %s", "%[2]s 的系统调用 %[1]s"},
	"band.call":          {"system call of %s", "%s 的系统调用"},
	"band.exit":          {"way out of the system call: task work", "系统调用返回途中:task work"},
	"band.thread":        {"kernel thread %s", "内核线程 %s"},
	"band.irq":           {"interrupt of a device", "设备中断"},
	"band.tick":          {"interrupt of the clock", "时钟中断"},
	"band.softirqOn":     {"softirq %s on %s's stack", "软中断 %s,借用 %s 的栈"},
	"band.softirqIRQ":    {"softirq %s at the end of the interrupt", "软中断 %s,在中断结束时运行"},
	"band.softirqThread": {"softirq %s in %s", "软中断 %s,由 %s 运行"},
	"band.timer":         {"timer: %s", "定时器:%s"},
	"band.backlog":       {"socket backlog: what came while the call held the socket", "套接字 backlog:系统调用占用套接字期间到达的报文段"},
	"band.process":       {"process %s", "进程 %s"},

	"context.irq":       {"interrupt", "硬中断"},
	"context.softirq":   {"softirq", "软中断"},
	"context.softirqOn": {"softirq on %s", "软中断 %s"},
	"context.timer":     {"timer", "定时器"},
	"context.backlog":   {"backlog", "backlog"},

	"dropped":       {"%s dropped", "%s 被丢弃"},
	"droppedIn":     {"%s dropped in %s", "%s 在 %s 中被丢弃"},
	"droppedWhy":    {"%s dropped: %s", "%s 被丢弃:%s"},
	"purged":        {"%s freed with its socket in %s", "%s 随套接字在 %s 中释放"},
	"again":         {"%s sent again", "%s 已重传"},
	"segment":       {"a segment", "一个报文段"},
	"resetSent":     {"sends a reset", "发送复位"},
	"resetAnswer":   {"sends a reset, in answer to %s", "发送复位,应答 %s"},
	"resetReceived": {"accepts a reset", "接受复位"},
	"armed":         {"%s timer armed, fires in %s: %s", "启动 %s 定时器,%s 后触发:%s"},
	"cancelled":     {"%s timer cancelled", "取消 %s 定时器"},
	"fired":         {"%s timer fires: %s", "%s 定时器触发:%s"},
	"wakes":         {"wakes who waits: %s", "唤醒等待者:%s"},
	"remnant":       {"%s, a timewait socket stays", "%s,留下 timewait 套接字"},
	"destroyed":     {"socket destroyed", "套接字销毁"},

	"reason.gso":                            {"segmentation failed", "分段失败"},
	"reason.checksum":                       {"wrong checksum", "校验和错误"},
	"reason.device down":                    {"the device is down", "设备已关闭"},
	"reason.queue full":                     {"the device's queue is full", "设备队列已满"},
	"reason.queue down":                     {"the device's queue is not active", "设备队列未启用"},
	"reason.queue reset":                    {"the queue was emptied", "队列被清空"},
	"reason.netem loss":                     {"lost on the emulated line (netem)", "在模拟线路上丢失(netem)"},
	"reason.netem limit":                    {"netem holds as much as it may", "netem 队列已达 limit"},
	"reason.netem corrupt":                  {"netem could not spoil it", "netem 无法破坏该包"},
	"reason.larger than tbf's burst":        {"larger than the bucket (tbf's burst)", "大于令牌桶(tbf burst)"},
	"reason.fq limit":                       {"fq holds as much as it may", "fq 队列已达 limit"},
	"reason.fq flow_limit":                  {"its flow in fq holds as much as it may", "fq 中该流已达 flow_limit"},
	"reason.virtio header":                  {"its virtio header cannot be true", "virtio 头部不可信"},
	"reason.send ring full":                 {"the card's send ring is full", "网卡发送环已满"},
	"reason.headroom":                       {"no room for the link header", "没有空间放链路层首部"},
	"reason.neighbour dead":                 {"the neighbour entry is gone", "邻居表项已失效"},
	"reason.neighbour failed":               {"no answer to ARP", "ARP 没有应答"},
	"reason.neighbour queue full":           {"too many packets wait for ARP", "等待 ARP 的包太多"},
	"reason.link header":                    {"no link header could be made", "无法构造链路层首部"},
	"reason.receive queue full":             {"the receive buffer is full", "接收缓冲区已满"},
	"reason.backlog full":                   {"the socket's backlog is full", "套接字 backlog 已满"},
	"reason.route gone":                     {"the route is gone", "路由已失效"},
	"reason.CPU backlog full":               {"the CPU's backlog is full", "CPU 的 backlog 已满"},
	"reason.unknown protocol":               {"nobody takes this protocol", "没有处理该协议的模块"},
	"reason.netfilter":                      {"a netfilter hook says so", "netfilter 钩子丢弃"},
	"reason.ICMP message":                   {"an ICMP message that is not answered", "不处理的 ICMP 报文"},
	"reason.socket filter":                  {"the socket's filter says so", "套接字过滤器丢弃"},
	"reason.no socket":                      {"no socket takes it", "没有接收它的套接字"},
	"reason.SYN queue full":                 {"the SYN queue is full", "SYN 队列已满"},
	"reason.SYN queue nearly full":          {"the SYN queue is nearly full", "SYN 队列将满"},
	"reason.accept queue full":              {"the accept queue is full", "accept 队列已满"},
	"reason.receive buffer full":            {"the receive buffer is full", "接收缓冲区已满"},
	"reason.pruned: receive buffer full":    {"the receive buffer is full, what came out of order had to go", "接收缓冲区已满,乱序报文段被清除"},
	"reason.already received":               {"its data has come before", "数据已经收到过"},
	"reason.beyond the window":              {"it lies beyond the window", "超出接收窗口"},
	"reason.old timestamp (PAWS)":           {"its timestamp is old (PAWS)", "时间戳过旧 (PAWS)"},
	"reason.short header":                   {"a bad TCP header", "TCP 首部错误"},
	"reason.no ACK":                         {"it has no ACK flag", "没有 ACK 标志"},
	"reason.acknowledges what was not sent": {"it acknowledges what was not sent", "确认了未发送的数据"},
	"reason.window closed":                  {"the window is closed", "窗口已关闭"},
	"reason.martian address":                {"an address that cannot be true", "不可能的地址(martian)"},
	"reason.reverse path":                   {"answers would not go where it came from", "反向路径过滤"},
	"reason.IP options":                     {"IP options: wrong, or a source route", "IP 选项错误或为源路由"},
	"reason.broadcast frame":                {"a packet to one machine in a frame to all", "单播包放在了广播帧里"},
	"reason.other host":                     {"the frame is for another machine", "帧的目的地是另一台主机"},
	"reason.IP header":                      {"wrong IP header", "IP 首部错误"},
	"reason.TTL":                            {"time to live is over", "TTL 已耗尽"},
	"reason.too big":                        {"larger than the link takes, and must not be cut", "超过链路 MTU,且不允许分片"},
	"reason.no route":                       {"no route", "没有路由"},
	"reason.not for us":                     {"not for this machine, which is no router", "目的地不是本机,且本机不转发"},
	"reason.datagram incomplete":            {"other fragments never came", "其余分片没有到达"},
	"reason.fragment memory":                {"too many fragments wait", "等待重组的分片太多"},
	"reason.fragment":                       {"a copy, an overlap or a wrong fragment", "分片重复、重叠或错误"},
	"reason.no neighbour":                   {"no room for another neighbour", "邻居表已满"},
	"reason.ARP message":                    {"not an ARP message that matters here", "不是有效的 ARP 报文"},
	"reason.datagram length":                {"wrong length", "长度错误"},
}

// say is a sentence in a language.
func say(lang, key string, args ...any) string {
	t, ok := words[key]
	if !ok {
		return key
	}
	s := t.en
	if lang == "zh" && t.zh != "" {
		s = t.zh
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

// reason says why a packet was dropped; a reason without words of its own stays
// as the stack names it.
func reason(lang, why string) string {
	if _, ok := words["reason."+why]; !ok {
		return why
	}
	return say(lang, "reason."+why)
}
