// Package remap turns userns-remap on and off: a plan made of facts, without
// touching anything; its steps carried out one after the other; and the
// rollback, a script that is armed on the host before the first of them.
package remap
