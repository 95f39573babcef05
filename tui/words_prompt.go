// The words of the two prompts.

package tui

var wordsPrompt = map[string]text{
	"prompt.search": {"(reverse-i-search)`%s': ", "(反向搜索)`%s': "},
	"prompt.failed": {"(failed reverse-i-search)`%s': ", "(反向搜索无结果)`%s': "},
	// Where there is little room:
	"prompt.search.short": {"(search)`%s': ", "(搜索)`%s': "},
	"prompt.failed.short": {"(no match)`%s': ", "(无结果)`%s': "},

	"prompt.dropped": {"earlier lines dropped: %d", "更早的行已丢弃:%d"},
	"prompt.cut":     {" [bytes left out: %d]", " [省略字节:%d]"},
	"prompt.more":    {" %s %d more ", " %s 还有 %d 行 "},
}
