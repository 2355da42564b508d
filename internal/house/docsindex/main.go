// Command docsindex writes the indexes of docs/adr, docs/formats and docs/gaps from the first heading
// of each page. It stands outside the data's path; `make docs-index` runs it at the root of a checkout.
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

type folder struct{ name, title, about string }

func main() {
	for _, f := range []folder{
		{"adr", "Decisions", "Why tael is as it is: one page a decision, with the context and the numbers it rests on."},
		{"formats", "Formats", "What tael writes to disk, byte by byte."},
		{"gaps", "Gaps", "What we know to be missing or weak, one page an area."},
	} {
		if err := write(filepath.Join("docs", f.name), f); err != nil {
			fmt.Fprintf(os.Stderr, "docsindex: %v\n", err)
			os.Exit(1)
		}
	}
}

// write makes the index of one folder: its pages in the order of their names.
func write(dir string, f folder) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", dir, err)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	sort.Strings(pages)
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n\n%s\n\nThis list is written by `make docs-index`.\n\n", f.title, f.about)
	for _, page := range pages {
		name := filepath.Base(page)
		if name == "README.md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			return fmt.Errorf("read %s: %w", page, err)
		}
		fmt.Fprintf(&out, "- [%s](%s)\n", heading(string(text), name), name)
	}
	index := filepath.Join(dir, "README.md")
	if err := os.WriteFile(index, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", index, err)
	}
	return nil
}

// heading is the text of the first heading of a page, or the page's name if it has none.
func heading(text, name string) string {
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(line, "# "); ok {
			return strings.TrimSpace(title)
		}
	}
	return strings.TrimSuffix(name, ".md")
}
