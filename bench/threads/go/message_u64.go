// SPDX-License-Identifier: BSL-1.0

package main

const messageName = "u64"

type message = uint64

func newMessage(i uint64) message { return i }

func value(m message) uint64 { return m }
