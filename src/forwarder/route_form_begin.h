/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of one form's functions: at the beginning of a file that route_each_form.h includes. */
#define FORM_PASTE2(a, b) a##_##b
#define FORM_PASTE(a, b) FORM_PASTE2(a, b)
#define FORM(name) FORM_PASTE(name, FORM_NAME)
#define FORM_STRING2(a) #a
#define FORM_STRING(a) FORM_STRING2(a)
#define FORM_INLINE static inline __attribute__((always_inline)) FORM_TARGET
