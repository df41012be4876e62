/* SPDX-License-Identifier: BSD-3-Clause */
/* At the end of a file that route_each_form.h includes. */
#undef FORM_INLINE
#undef FORM_STRING
#undef FORM_STRING2
#undef FORM
#undef FORM_PASTE
#undef FORM_PASTE2
#undef FORM_MATCH
#undef FORM_HASH4
#undef FORM_HASH6
#undef FORM_TARGET
#undef FORM_NAME
