package tael

// FormatTime is unix nanoseconds as the API writes times: RFC 3339 in UTC with nine digits of a second.
func FormatTime(ns uint64) string { return string(appendTime(nil, ns)) }
