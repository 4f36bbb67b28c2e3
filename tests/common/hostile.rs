//! Texts that attack a page.

/// Names and captions that would run or break a page that takes them for anything but text.
pub const HOSTILE: [&str; 8] = [
    "</script><script>window.hacked = 1</script>.png",
    "<img src=x onerror='window.hacked = 2'>.png",
    "\"><svg onload=\"window.hacked = 3\">.png",
    "../../../etc/passwd",
    "javascript:window.hacked=4",
    "https://example.com/steal.png",
    "a\nb\t'quoted' \"twice\" `${window.hacked=5}` {{data}}.png",
    "<!-- --!> ]]> \u{2028}\u{202e}gnp.exe \u{1f408} &lt;&amp;",
];
