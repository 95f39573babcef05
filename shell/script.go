package shell

import (
	"context"
	"strings"
)

// RunScript runs lines one after the other, as menuos -c does, and returns the
// exit status: 0 if all succeeded, 1 if one failed, or what exit was told.
func (s *Session) RunScript(ctx context.Context, script string) int {
	failed := 0
	for _, l := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		failed = max(failed, s.Exec(ctx, strings.TrimSuffix(l, "\r")))
		if code, over := s.Quit(); over {
			if code == 0 && failed != 0 {
				code = 1
			}
			return code
		}
		if ctx.Err() != nil {
			return 130
		}
	}
	if max(failed, s.EndOfInput()) != 0 {
		return 1
	}
	return 0
}
