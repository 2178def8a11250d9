// Package probe makes throw-away containers: with one it proves an ID map, times a
// start, or tries the sockets of a container; and it runs single commands in
// containers. Whatever it makes is removed again.
//
// It also is the program that runs inside them, see [Main].
package probe
