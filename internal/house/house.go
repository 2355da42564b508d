// Package house holds the rules of the house that a compiler does not check: which package may import
// which, how long a file may be, and that every page of the documentation can be found. It stands
// outside the data's path; its tests run with all others, and say why a rule is there when it is broken.
package house
