// A windowed minimum and maximum in constant space (lib/win_minmax.c and
// include/linux/win_minmax.h): the best value of the last win units of time,
// give or take what a second and a third choice can keep.

package tcp

import "menuos/stack/internal/kernel"

// minmaxGet is the best value in the window.
func minmaxGet(m *minmax) uint32 { return m.s[0].v }

// minmaxReset forgets everything but one measurement.
func minmaxReset(m *minmax, t, meas uint32) uint32 {
	val := minmaxSample{t: t, v: meas}
	m.s[0], m.s[1], m.s[2] = val, val, val
	return meas
}

// minmaxSubwinUpdate moves the window on to val, which improves on none of the
// three choices: one that has left the window gives way to the next, and a
// missing second or third choice is taken from its part of the window.
func (n *Net) minmaxSubwinUpdate(m *minmax, win uint32, val minmaxSample) uint32 {
	kernel.Fentry1(&n.Kernel, win) // minmax_subwin_update lib/win_minmax.c:32

	dt := val.t - m.s[0].t
	switch {
	case dt > win:
		m.s[0], m.s[1], m.s[2] = m.s[1], m.s[2], val
		if val.t-m.s[0].t > win {
			m.s[0], m.s[1], m.s[2] = m.s[1], m.s[2], val
		}
	case m.s[1].t == m.s[0].t && dt > win/4:
		m.s[1], m.s[2] = val, val
	case m.s[2].t == m.s[1].t && dt > win/2:
		m.s[2] = val
	}
	return m.s[0].v
}

// minmaxRunningMax takes a measurement into account and returns the maximum.
func (n *Net) minmaxRunningMax(m *minmax, win, t, meas uint32) uint32 {
	kernel.Fentry3(&n.Kernel, win, t, meas) // minmax_running_max lib/win_minmax.c:69

	val := minmaxSample{t: t, v: meas}
	if val.v >= m.s[0].v || val.t-m.s[2].t > win {
		return minmaxReset(m, t, meas)
	}
	if val.v >= m.s[1].v {
		m.s[1], m.s[2] = val, val
	} else if val.v >= m.s[2].v {
		m.s[2] = val
	}
	return n.minmaxSubwinUpdate(m, win, val) // :80
}

// minmaxRunningMin takes a measurement into account and returns the minimum.
func (n *Net) minmaxRunningMin(m *minmax, win, t, meas uint32) uint32 {
	kernel.Fentry3(&n.Kernel, win, t, meas) // minmax_running_min lib/win_minmax.c:87

	val := minmaxSample{t: t, v: meas}
	if val.v <= m.s[0].v || val.t-m.s[2].t > win {
		return minmaxReset(m, t, meas)
	}
	if val.v <= m.s[1].v {
		m.s[1], m.s[2] = val, val
	} else if val.v <= m.s[2].v {
		m.s[2] = val
	}
	return n.minmaxSubwinUpdate(m, win, val) // :98
}
