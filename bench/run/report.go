package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// page is the results as Markdown.
func (r Results) page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Numbers\n\n")
	fmt.Fprintf(&b, "Made by `make bench` (`bench/run`): a real taeld over the loopback, the generator on the same cores, CPU, memory and written bytes read from the kernel.\n")
	fmt.Fprintf(&b, "The load is that of `bench/gen`: agent-shaped traces, about 740 bytes of OTLP a span. Median of the runs, and their spread from least to most.\n\n")
	r.origin(&b)
	fmt.Fprintf(&b, "\nThe last columns are VictoriaTraces / Tempo / Jaeger with Badger on a like machine, and what keeps the number from being better.\n\n")
	fmt.Fprintf(&b, "| What | Reach | Measured | Spread | Runs | Peers | What bounds it |\n|---|---|---|---|---|---|---|\n")
	for _, l := range lines() {
		r.row(&b, l)
	}
	r.notes(&b)
	return b.String()
}

// origin says where and from what the numbers are.
func (r Results) origin(b *strings.Builder) {
	if len(r.Lines) == 0 {
		fmt.Fprintf(b, "Nothing has been measured yet.\n")
		return
	}
	m := r.Machine
	fmt.Fprintf(b, "| | |\n|---|---|\n")
	for _, f := range [][2]string{
		{"Machine", fmt.Sprintf("%s, %d cores, %s of memory", m.CPU, m.Cores, m.Memory)}, {"Kernel", m.Kernel}, {"Go", m.Go},
		{"Commit of the last run", m.Commit}, {"Last command", "`" + m.Command + "`"}, {"Date of the last run", m.Date},
	} {
		fmt.Fprintf(b, "| %s | %s |\n", f[0], cell(f[1]))
	}
}

func (r Results) row(b *strings.Builder, l line) {
	measured, spread, runs := "not measured", "", ""
	if m, ok := r.Lines[l.id]; ok && len(m.Runs) > 0 {
		measured = l.show(m.Median())
		if !l.informs() {
			measured = verdict(l, m.Median()) + " " + measured
		}
		spread = l.show(slices.Min(m.Runs)) + " to " + l.show(slices.Max(m.Runs))
		runs = fmt.Sprint(len(m.Runs))
	}
	what := l.what
	if l.note != "" {
		what += " (" + l.note + ")"
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", cell(what), l.target(), measured, spread, runs, cell(l.peers), cell(l.bound))
}

func verdict(l line, v float64) string {
	if l.reached(v) {
		return "✓"
	}
	return "✗"
}

// informs says that a line has no target.
func (l line) informs() bool { return l.reach == 0 && l.id != "kill.lost" }

func (l line) reached(v float64) bool {
	if l.least {
		return v >= l.reach
	}
	return v <= l.reach
}

func (l line) target() string {
	switch {
	case l.informs():
		return ""
	case l.least:
		return l.show(l.reach) + " or more"
	case l.reach == 0:
		return "0"
	}
	return l.show(l.reach) + " or less"
}

func (l line) show(v float64) string {
	switch l.unit {
	case "B":
		return human(v, "B")
	case "spans/s":
		return thousands(v) + "/s"
	case "traces":
		return fmt.Sprintf("%.0f", v)
	case "requests":
		return fmt.Sprintf("%.2f", v)
	case "x":
		return fmt.Sprintf("%.2fx", v)
	}
	return fmt.Sprintf("%.*f %s", digits(v), v, l.unit)
}

// digits keeps three significant digits.
func digits(v float64) int {
	if v <= 0 {
		return 0
	}
	return max(0, min(3, 2-int(math.Floor(math.Log10(v)))))
}

// human writes bytes in the unit that keeps the number short.
func human(v float64, unit string) string {
	for _, prefix := range []string{"", "Ki", "Mi", "Gi"} {
		if v < 1000 || prefix == "Gi" {
			return fmt.Sprintf("%.*f %s%s", digits(v), v, prefix, unit)
		}
		v /= 1024
	}
	return ""
}

func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// cell keeps text within a table's cell.
func cell(s string) string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s) }

// notes are what the table has no room for.
func (r Results) notes(b *strings.Builder) {
	loads := map[string][]string{}
	for _, l := range lines() {
		if m, ok := r.Lines[l.id]; ok {
			key := fmt.Sprintf("%s, %s, base load of %s spans", m.Commit, m.Date, thousands(float64(m.Spans)))
			loads[key] = append(loads[key], l.id)
		}
	}
	fmt.Fprintf(b, "\n## When each line was measured\n\n")
	for _, key := range slices.Sorted(maps.Keys(loads)) {
		fmt.Fprintf(b, "- %s: %s\n", key, strings.Join(loads[key], ", "))
	}
	if cpu, lookup := r.Series["growth.cpu"], r.Series["growth.lookup"]; len(cpu) > 0 && len(cpu) == len(lookup) {
		fmt.Fprintf(b, "\n## Growth, million by million (last run)\n\n| Spans stored, in base loads | CPU per million spans, flush included | trace by id, p50 |\n|---|---|---|\n")
		for i := range cpu {
			fmt.Fprintf(b, "| %d | %.2f s | %.2f ms |\n", i+1, cpu[i], lookup[i])
		}
	}
}
