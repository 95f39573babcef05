package shell

import (
	"fmt"
	"strconv"
	"strings"

	"menuos/stack"
)

// job is what goes on behind the prompt: a line that ended in &, or a process
// that a command left behind, as replyhi does.
type job struct {
	n    int
	pid  int
	text string
	line *line
	proc *stack.Job
}

// JobInfo is what goes on behind the prompt, as jobs lists it.
type JobInfo struct {
	N     int    // %N names it
	Pid   int    // 0 if it has no process at the moment
	Text  string // the command
	State string // "Running", "Done", "Exit 1", "Interrupt" …
}

// Jobs lists what goes on behind the prompt, lowest number first.
func (s *Session) Jobs() []JobInfo {
	var out []JobInfo
	for _, j := range s.jobs {
		out = append(out, JobInfo{j.n, j.pid, j.text, j.state()})
	}
	return out
}

func (s *Session) addJob(text string) *job {
	n := 1
	for _, j := range s.jobs {
		n = max(n, j.n+1)
	}
	j := &job{n: n, text: strings.TrimSpace(text)}
	s.jobs = append(s.jobs, j)
	return j
}

func (j *job) done() bool {
	if j.line != nil {
		return j.line.done
	}
	return j.proc != nil && j.proc.Done()
}

func (j *job) status() int {
	if j.line != nil {
		return j.line.status
	}
	return j.proc.ExitCode()
}

// state is what jobs prints.
func (j *job) state() string {
	if !j.done() {
		return "Running"
	}
	switch code := j.status(); {
	case code == 0:
		return "Done"
	case code == 128+int(stack.SIGINT):
		return "Interrupt"
	case code == 128+int(stack.SIGKILL):
		return "Killed"
	case code == 128+int(stack.SIGTERM):
		return "Terminated"
	default:
		return "Exit " + strconv.Itoa(code)
	}
}

// reportJobs forgets the jobs that have ended; a person hears of it.
func (s *Session) reportJobs() {
	var kept []*job
	for _, j := range s.jobs {
		if !j.done() {
			kept = append(kept, j)
			continue
		}
		if s.cfg.Interactive {
			s.out.freshLine()
			fmt.Fprintf(s.out, "%s\n", s.jobLine(j))
		}
	}
	s.jobs = kept
}

func (s *Session) jobLine(j *job) string {
	mark := ' '
	switch len(s.jobs) - 1 - s.jobIndex(j) {
	case 0:
		mark = '+'
	case 1:
		mark = '-'
	}
	amp := ""
	if !j.done() {
		amp = " &"
	}
	return fmt.Sprintf("[%d]%c  %-23s %s%s", j.n, mark, j.state(), j.text, amp)
}

func (s *Session) jobIndex(j *job) int {
	for i, o := range s.jobs {
		if o == j {
			return i
		}
	}
	return -1
}

// findJob finds a job by %N, %+, %- or %NAME.
func (s *Session) findJob(spec string) *job {
	spec = strings.TrimPrefix(spec, "%")
	n := len(s.jobs)
	switch spec {
	case "", "+", "%":
		if n > 0 {
			return s.jobs[n-1]
		}
		return nil
	case "-":
		if n > 1 {
			return s.jobs[n-2]
		}
		return nil
	}
	num, err := strconv.Atoi(spec)
	for _, j := range s.jobs {
		if err == nil && j.n == num || err != nil && strings.HasPrefix(j.text, spec) {
			return j
		}
	}
	return nil
}
