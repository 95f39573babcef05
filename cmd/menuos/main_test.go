package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"menuos": func() { os.Exit(Main()) }, "hostside": func() { os.Exit(hostside()) }})
}

// TestScripts runs the sessions in testdata.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata",
		UpdateScripts: os.Getenv("UPDATE") != "",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/state")
			e.Setenv("LANG", "C")
			e.Setenv("LC_ALL", "")
			e.Setenv("LC_MESSAGES", "")
			return nil
		},
	})
}
