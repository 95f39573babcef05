// A device's interrupt on its way to the driver (arch/x86/kernel/irq_64.c,
// include/linux/irqdesc.h, kernel/irq/chip.c, kernel/irq/handle.c): edge
// triggered, as MSI-X is. Left out: masking, affinity, threads and statistics.

package kernel

// IrqHandler is a driver's interrupt handler (irq_handler_t); devID is what it
// asked to be given.
type IrqHandler func(irq int, devID any)

// IrqDesc is an interrupt line (struct irq_desc) with the one driver that
// listens to it.
type IrqDesc struct {
	Irq int

	handler IrqHandler
	devID   any
	pending bool
	addr    uint64
}

// Kaddr is the address that stands for the line.
func (d *IrqDesc) Kaddr() uint64 { return d.addr }

// firstIrq is the first number that a device gets: below are those of the PC's
// own devices.
const firstIrq = 24

// RequestIrq makes a line whose interrupts handler takes (request_irq).
func (k *Kernel) RequestIrq(handler IrqHandler, devID any) *IrqDesc {
	k.cpu.irqCount++
	return &IrqDesc{Irq: firstIrq + k.cpu.irqCount - 1, handler: handler, devID: devID, addr: k.NewAddr(256)}
}

// Interrupt raises a line: its handler runs in hardirq context when the CPU next
// looks. A line that is raised again before that is taken once. It may be called
// only while the machine does not run or from inside it.
func (k *Kernel) Interrupt(desc *IrqDesc) {
	if !desc.pending {
		desc.pending = true
		k.cpu.irqs = append(k.cpu.irqs, desc)
	}
}

func (k *Kernel) handleIrq(desc *IrqDesc) {
	Fentry1(k, desc) // handle_irq arch/x86/kernel/irq_64.c:73

	k.genericHandleIrqDesc(desc) // :78
}

func (k *Kernel) genericHandleIrqDesc(desc *IrqDesc) {
	Fentry1(k, desc) // generic_handle_irq_desc include/linux/irqdesc.h:154

	k.handleEdgeIrq(desc) // :154
}

func (k *Kernel) handleEdgeIrq(desc *IrqDesc) {
	Fentry1(k, desc) // handle_edge_irq kernel/irq/chip.c:749

	k.handleIrqEvent(desc) // :791
}

func (k *Kernel) handleIrqEvent(desc *IrqDesc) {
	Fentry1(k, desc) // handle_irq_event kernel/irq/handle.c:202

	desc.pending = false
	k.handleIrqEventPercpu(desc) // :206
}

func (k *Kernel) handleIrqEventPercpu(desc *IrqDesc) {
	Fentry1(k, desc) // handle_irq_event_percpu kernel/irq/handle.c:187

	k.handleIrqEventPercpu__(desc) // :189
}

func (k *Kernel) handleIrqEventPercpu__(desc *IrqDesc) {
	Fentry1(k, desc) // __handle_irq_event_percpu kernel/irq/handle.c:139

	desc.handler(desc.Irq, desc.devID) // :149
}
