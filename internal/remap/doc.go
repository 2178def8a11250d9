// Package remap turns userns-remap on and off: a plan made of facts, without
// touching anything; its steps carried out one after the other; and the way
// back, which is laid down on the host and armed before the first of them.
package remap
