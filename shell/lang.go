package shell

import (
	"os"
	"strings"

	"golang.org/x/text/language"
)

var languages = language.NewMatcher([]language.Tag{language.English, language.Chinese})

// Language chooses one of our languages: the one asked for, or, if want is
// empty, the environment's. It reports whether what was asked for is one.
func Language(want string) (lang string, ok bool) {
	explicit := want != ""
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if want == "" {
			want = os.Getenv(name)
		}
	}
	name, _, _ := strings.Cut(want, ".")
	name, _, _ = strings.Cut(name, "@")
	if name == "" || name == "C" || name == "POSIX" {
		return "en", true
	}
	tag, err := language.Parse(strings.ReplaceAll(name, "_", "-"))
	if err != nil {
		return "en", !explicit
	}
	if b, _ := tag.Base(); explicit && b.String() != "en" && b.String() != "zh" {
		return "en", false
	}
	_, i, conf := languages.Match(tag)
	if conf == language.No {
		return "en", !explicit
	}
	return [...]string{"en", "zh"}[i], true
}

// Nearest lists the words that a mistyped one may have meant.
func Nearest(word string, words []string) []string { return nearest(word, words) }

// CommandNames lists the names of the shell's commands.
func CommandNames() []string { return newTable().names() }
