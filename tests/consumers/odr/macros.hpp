// SPDX-FileCopyrightText: The coproc authors
// SPDX-License-Identifier: BSL-1.0

#pragma once

// Every macro of lower case, or of one plain word, that Qt, X11 and Windows have in their headers.

// Qt
#define emit
#define signals public
#define slots
#define foreach(variable, container) for (variable : container)
#define forever for (;;)

// X11
#define Above 0
#define Always 2
#define Below 1
#define Bool int
#define ButtonPress 4
#define ClientMessage 33
#define CursorShape 0
#define DestroyNotify 17
#define Expose 12
#define False 0
#define FocusIn 9
#define FocusOut 10
#define KeyPress 2
#define KeyRelease 3
#define None 0L
#define Status int
#define Success 0
#define True 1
#define Unsorted 0

// Windows
#define CONST const
#define DELETE (0x00010000L)
#define DOMAIN 1
#define ERROR 0
#define IGNORE 0
#define IN
#define OPTIONAL
#define OUT
#define STRICT 1
#define VOID void
#define far
#define interface struct
#define near
#define small char
