// Our own words on screen, in both languages. Function names, states, flags and
// what Linux's tools print are never translated.

package tui

import "fmt"

// text is a sentence in both languages.
type text struct{ en, zh string }

func (t text) in(lang string) string {
	if lang == "zh" && t.zh != "" {
		return t.zh
	}
	return t.en
}

// say is a sentence in the look's language.
func (l *look) say(key string, args ...any) string {
	t, ok := words[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return t.in(l.lang)
	}
	return fmt.Sprintf(t.in(l.lang), args...)
}

// words are all sentences, a table a file.
var words = join(wordsUI, wordsPrompt, wordsSockets, wordsQueues, wordsTimers, wordsSteps, wordsBacktrace, wordsLadder,
	wordsCounters, wordsHelp)

func join(tables ...map[string]text) map[string]text {
	all := make(map[string]text)
	for _, t := range tables {
		for key, value := range t {
			if _, twice := all[key]; twice {
				panic("tui: the sentence " + key + " stands in two tables")
			}
			all[key] = value
		}
	}
	return all
}
