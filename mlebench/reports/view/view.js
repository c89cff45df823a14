// Looks for news and replaces the parts of the page that have changed.
"use strict";
