<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ar" sourcelanguage="en">
<context>
    <name>Link</name>
    <message>
        <source>Open this link?</source>
        <translation>فتح هذا الرابط؟</translation>
    </message>
    <message>
        <source>The text links to:

%1

Open it in the browser?</source>
        <translation>النص يشير إلى:

%1

فتحه في المتصفح؟</translation>
    </message>
</context>
<context>
    <name>main</name>
    <message>
        <source>Converse with a model in a window. Nothing leaves this machine.</source>
        <translation>محادثة مع نموذج في نافذة. لا شيء يغادر هذا الجهاز.</translation>
    </message>
    <message>
        <source>A GGUF file to load.</source>
        <translation>ملف GGUF يُحمَّل.</translation>
    </message>
    <message>
        <source>A device by number, UUID or a part of its name.</source>
        <translation>جهاز برقمه أو UUID أو جزء من اسمه.</translation>
    </message>
    <message>
        <source>The folder in which chats are kept.</source>
        <translation>المجلد الذي تُحفظ فيه المحادثات.</translation>
    </message>
    <message>
        <source>Pumice Chat is already open for %1.</source>
        <translation>Pumice Chat مفتوح بالفعل لـ %1.</translation>
    </message>
</context>
<context>
    <name>pumice_chat::BenchPage</name>
    <message>
        <source>Measures the loaded model on this machine with “pumice bench”, a program of its own, which checks the results first. Replies that run meanwhile make it slower.</source>
        <translation>يقيس النموذج المحمّل على هذا الجهاز بواسطة “pumice bench”، وهو برنامج مستقل يتحقق من النتائج أولاً. الردود الجارية في الوقت نفسه تبطئه.</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>قياس</translation>
    </message>
    <message>
        <source>Stop measuring</source>
        <translation>إيقاف القياس</translation>
    </message>
    <message>
        <source>Keep the result…</source>
        <translation>حفظ النتيجة…</translation>
    </message>
    <message>
        <source>Compare with a file…</source>
        <translation>مقارنة بملف…</translation>
    </message>
    <message>
        <source>Results</source>
        <translation>النتائج</translation>
    </message>
    <message>
        <source>Device and test</source>
        <translation>الجهاز والاختبار</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>الرموز</translation>
    </message>
    <message>
        <source>Depth</source>
        <translation>العمق</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>رمز/ث</translation>
    </message>
    <message>
        <source>First token</source>
        <translation>أول رمز</translation>
    </message>
    <message>
        <source>Checked</source>
        <translation>تم التحقق</translation>
    </message>
    <message>
        <source>What the program says</source>
        <translation>ما يقوله البرنامج</translation>
    </message>
    <message>
        <source>The program “pumice” does not lie beside this one.</source>
        <translation>برنامج “pumice” ليس بجانب هذا البرنامج.</translation>
    </message>
    <message>
        <source>Ended with code %1.</source>
        <translation>انتهى بالرمز %1.</translation>
    </message>
    <message>
        <source>this machine, now</source>
        <translation>هذا الجهاز، الآن</translation>
    </message>
    <message>
        <source>%1, %2 (%3)</source>
        <translation>%1، %2 (%3)</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 م.ث</translation>
    </message>
    <message>
        <source>Compare with a file</source>
        <translation>مقارنة بملف</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 is no result of “pumice bench --json”.</source>
        <translation>%1 ليس نتيجة من “pumice bench --json”.</translation>
    </message>
    <message>
        <source>Keep the result</source>
        <translation>حفظ النتيجة</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>تتعذر كتابة %1: %2</translation>
    </message>
</context>
<context>
    <name>pumice_chat::CacheMap</name>
    <message>
        <source>Map of the pages</source>
        <translation>خريطة الصفحات</translation>
    </message>
    <message>
        <source>held by a branch</source>
        <translation>يحتفظ بها فرع</translation>
    </message>
    <message>
        <source>shared by branches</source>
        <translation>تتشاركها فروع</translation>
    </message>
    <message>
        <source>cached, to be found again</source>
        <translation>مخبأة ليُعثر عليها ثانيةً</translation>
    </message>
    <message>
        <source>came from RAM</source>
        <translation>أتت من الذاكرة</translation>
    </message>
    <message>
        <source>came from disk</source>
        <translation>أتت من القرص</translation>
    </message>
    <message>
        <source>free</source>
        <translation>حرة</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>Page %1: %2</source>
        <translation>الصفحة %1: %2</translation>
    </message>
    <message>
        <source>Tokens %1 to %2 of its text, in %3 branches, found again %4 times</source>
        <translation>الرموز %1 إلى %2 من نصها، في %3 من الفروع، عُثر عليها ثانيةً %4 مرة</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>موجّه النظام</translation>
    </message>
    <message>
        <source>You</source>
        <translation>أنت</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>الرد</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>pumice_chat::CachePage</name>
    <message>
        <source>Keys and values of what the model has read, in pages. What two branches share is there once; what no branch holds stays until the room is needed.</source>
        <translation>مفاتيح وقيم ما قرأه النموذج، في صفحات. ما يتشاركه فرعان موجود مرة واحدة؛ وما لا يحتفظ به فرع يبقى حتى يُحتاج إلى المكان.</translation>
    </message>
    <message>
        <source>Branches that are held</source>
        <translation>الفروع المحتفظ بها</translation>
    </message>
    <message>
        <source>Branch of</source>
        <translation>فرع من</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>الرموز</translation>
    </message>
    <message>
        <source>Leave the GPU to others:</source>
        <translation>ترك المعالج الرسومي لغيرنا:</translation>
    </message>
    <message>
        <source>Leave the GPU to others</source>
        <translation>ترك المعالج الرسومي لغيرنا</translation>
    </message>
    <message>
        <source>Empty the cache</source>
        <translation>إفراغ المخبأ</translation>
    </message>
    <message>
        <source>all of it is used</source>
        <translation>يُستخدم كله</translation>
    </message>
    <message>
        <source>%1 %: at most %2 ms of each 1/60 s are used</source>
        <translation>%1 %: يُستخدم %2 م.ث على الأكثر من كل 1/60 ث</translation>
    </message>
    <message>
        <source>The model is being loaded.</source>
        <translation>يجري تحميل النموذج.</translation>
    </message>
    <message>
        <source>No model is loaded.</source>
        <translation>لا نموذج محمّل.</translation>
    </message>
    <message>
        <source>%1 pages of %2 tokens (%3); %4 of memory in use on the device.</source>
        <translation>%1 صفحة من %2 رمزًا (%3)؛ المستخدم من ذاكرة الجهاز %4.</translation>
    </message>
    <message>
        <source>Looked for %1 pages, found %2: %3 on the device, %4 in RAM, %5 on disk. About %6 s of reading were saved.</source>
        <translation>بُحث عن %1 صفحة وعُثر على %2: %3 على الجهاز و%4 في الذاكرة و%5 على القرص. وُفّر نحو %6 ث من القراءة.</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>محادثة جديدة</translation>
    </message>
    <message>
        <source>replies</source>
        <translation>يرد</translation>
    </message>
    <message>
        <source>waits</source>
        <translation>ينتظر</translation>
    </message>
    <message>
        <source>State, or pages</source>
        <translation>الحالة أو الصفحات</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ChatList</name>
    <message>
        <source>New chat</source>
        <translation>محادثة جديدة</translation>
    </message>
    <message>
        <source>New chat (Ctrl+N)</source>
        <translation>محادثة جديدة (Ctrl+N)</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>البحث في كل المحادثات</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>مسح البحث</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>المحادثات</translation>
    </message>
    <message>
        <source>Folder %1</source>
        <translation>المجلد %1</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>محادثة</translation>
    </message>
    <message>
        <source>%1, pinned</source>
        <translation>%1، مثبتة</translation>
    </message>
    <message>
        <source>%1, in %2</source>
        <translation>%1، في %2</translation>
    </message>
    <message>
        <source>Nothing found</source>
        <translation>لم يُعثر على شيء</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ChatPage</name>
    <message>
        <source>Context in use</source>
        <translation>السياق المستخدم</translation>
    </message>
    <message>
        <source>Editing your message: it becomes a new branch.</source>
        <translation>تحرير رسالتك: ستصبح فرعًا جديدًا.</translation>
    </message>
    <message>
        <source>Editing the reply: it becomes a new branch.</source>
        <translation>تحرير الرد: سيصبح فرعًا جديدًا.</translation>
    </message>
    <message>
        <source>Delete this message?</source>
        <translation>حذف هذه الرسالة؟</translation>
    </message>
    <message>
        <source>Delete this message and all that follows it on this branch?
This cannot be undone.</source>
        <translation>حذف هذه الرسالة وكل ما يليها في هذا الفرع؟
لا يمكن التراجع عن ذلك.</translation>
    </message>
    <message>
        <source>Branch into a new chat</source>
        <translation>التفرع إلى محادثة جديدة</translation>
    </message>
    <message>
        <source>Delete from here on…</source>
        <translation>الحذف من هنا فصاعدًا…</translation>
    </message>
    <message>
        <source>%1 was not taught to converse: it goes on with what you write, as one text.
Begin a story: “Once upon a time there was a fox who”

The page Models shows what else is on this machine.</source>
        <translation>%1 لم يُدرَّب على المحادثة: إنه يكمل ما تكتبه كنص واحد.
ابدأ قصة بالإنجليزية: “Once upon a time there was a fox who”

صفحة النماذج تعرض ما يوجد غيره على هذا الجهاز.</translation>
    </message>
    <message>
        <source>%1 is ready.</source>
        <translation>‏%1 جاهز.</translation>
    </message>
    <message>
        <source>The model is being loaded. You can write meanwhile.</source>
        <translation>يجري تحميل النموذج. يمكنك الكتابة في هذه الأثناء.</translation>
    </message>
    <message>
        <source>No model is loaded. The page Models shows what is on this machine.</source>
        <translation>لا نموذج محمّل. صفحة النماذج تعرض ما يوجد على هذا الجهاز.</translation>
    </message>
    <message>
        <source>Context %1 of %2 tokens; the next reply keeps %3 and computes %4.</source>
        <translation>السياق %1 من %2 رمزًا؛ الرد التالي يحتفظ بـ %3 ويحسب %4.</translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) will be dropped.</source>
        <translation>
            <numerusform>لن تُسقط رسائل.</numerusform>
            <numerusform>ستُسقط أقدم رسالة.</numerusform>
            <numerusform>ستُسقط أقدم رسالتين.</numerusform>
            <numerusform>ستُسقط أقدم %n رسائل.</numerusform>
            <numerusform>ستُسقط أقدم %n رسالة.</numerusform>
            <numerusform>ستُسقط أقدم %n رسالة.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::CodePiece</name>
    <message>
        <source>code</source>
        <translation>شيفرة</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>نسخ</translation>
    </message>
    <message>
        <source>Copy this code</source>
        <translation>نسخ هذه الشيفرة</translation>
    </message>
    <message>
        <source>Code</source>
        <translation>شيفرة</translation>
    </message>
    <message>
        <source>Code, %1</source>
        <translation>شيفرة، %1</translation>
    </message>
    <message>
        <source>Copied</source>
        <translation>نُسخت</translation>
    </message>
</context>
<context>
    <name>pumice_chat::Composer</name>
    <message>
        <source>Cancel</source>
        <translation>إلغاء</translation>
    </message>
    <message>
        <source>Do not edit</source>
        <translation>عدم التحرير</translation>
    </message>
    <message>
        <source>Attach files</source>
        <translation>إرفاق ملفات</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>إرسال</translation>
    </message>
    <message>
        <source>Send the message (Enter)</source>
        <translation>إرسال الرسالة (Enter)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>إيقاف</translation>
    </message>
    <message>
        <source>Stop the reply (Esc)</source>
        <translation>إيقاف الرد (Esc)</translation>
    </message>
    <message>
        <source>%1: this model sees no pictures. Load one with a projector (mmproj).</source>
        <translation>%1: هذا النموذج لا يرى الصور. حمّل نموذجًا له مُسقِط (mmproj).</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>تتعذر قراءة %1: %2</translation>
    </message>
    <message>
        <source>%1 is no text of at most 1 MiB (UTF-8).</source>
        <translation>%1 ليس نصًا لا يتجاوز 1 MiB (UTF-8).</translation>
    </message>
    <message>
        <source>Take %1 away</source>
        <translation>إزالة %1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::ComposerText</name>
    <message>
        <source>Write a message. Enter sends, Shift+Enter starts a new line.</source>
        <translation>اكتب رسالة. Enter يرسل، وShift+Enter يبدأ سطرًا جديدًا.</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>الرسالة</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MainWindow</name>
    <message>
        <source>Pumice Chat</source>
        <translation>Pumice Chat</translation>
    </message>
    <message>
        <source>Loading the model</source>
        <translation>تحميل النموذج</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>إلغاء</translation>
    </message>
    <message>
        <source>Cancel loading the model</source>
        <translation>إلغاء تحميل النموذج</translation>
    </message>
    <message>
        <source>Notice</source>
        <translation>إشعار</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>إعادة المحاولة</translation>
    </message>
    <message>
        <source>Close this notice</source>
        <translation>إغلاق هذا الإشعار</translation>
    </message>
    <message>
        <source>The file of the chats was damaged. It lies untouched in %1; %2 chats and %3 messages were read from it and are here.</source>
        <translation>كان ملف المحادثات تالفًا. وهو محفوظ كما هو في %1؛ وقُرئت منه %2 محادثة و%3 رسالة وهي هنا.</translation>
    </message>
    <message>
        <source>%1 cannot be written (%2). You see what it has, and nothing new is kept. Make the file and its folder writable, or start with --data FOLDER.</source>
        <translation>تتعذر كتابة %1 (%2). ترى ما فيه، ولا يُحفظ شيء جديد. اجعل الملف ومجلده قابلين للكتابة، أو ابدأ بـ ‎--data‎ مع مجلد آخر.</translation>
    </message>
    <message>
        <source>A later version of this program has written %1. It is left as it is, and nothing is kept now. Use that version, or start with --data FOLDER.</source>
        <translation>كتب إصدار أحدث من هذا البرنامج %1. يُترك كما هو، ولا يُحفظ شيء الآن. استخدم ذلك الإصدار، أو ابدأ بـ ‎--data‎ مع مجلد آخر.</translation>
    </message>
    <message>
        <source>Chats cannot be kept in %1 (%2): nothing is kept now. Make room or make the folder writable, or start with --data FOLDER.</source>
        <translation>لا يمكن حفظ المحادثات في %1 (%2): لا يُحفظ شيء الآن. وفّر مساحة أو اجعل المجلد قابلاً للكتابة، أو ابدأ بـ ‎--data‎ مع مجلد آخر.</translation>
    </message>
    <message>
        <source>The disk is full, so this could not be kept in %1. Make room there; it is tried again by itself.</source>
        <translation>القرص ممتلئ، فلم يمكن الحفظ في %1. وفّر مساحة هناك؛ وستعاد المحاولة تلقائيًا.</translation>
    </message>
    <message>
        <source>%1 cannot be written. Make the file and its folder writable; it is tried again by itself.</source>
        <translation>تتعذر كتابة %1. اجعل الملف ومجلده قابلين للكتابة؛ وستعاد المحاولة تلقائيًا.</translation>
    </message>
    <message>
        <source>Another program has %1 open. Close it; it is tried again by itself.</source>
        <translation>برنامج آخر يفتح %1. أغلقه؛ وستعاد المحاولة تلقائيًا.</translation>
    </message>
    <message>
        <source>This could not be kept in %1: %2</source>
        <translation>لم يمكن الحفظ في %1: %2</translation>
    </message>
    <message>
        <source>Your message is still below: send it again.</source>
        <translation>رسالتك ما زالت في الأسفل: أرسلها ثانيةً.</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>محادثة جديدة</translation>
    </message>
    <message>
        <source>%1 – Pumice Chat</source>
        <translation>‏%1 – Pumice Chat</translation>
    </message>
    <message>
        <source>%1 on the CPU (%2); this is slow</source>
        <translation>‏%1 على المعالج (%2)؛ هذا بطيء</translation>
    </message>
    <message>
        <source>%1 on %2</source>
        <translation>‏%1 على %2</translation>
    </message>
    <message>
        <source>Loading %1</source>
        <translation>تحميل %1</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>لا نموذج</translation>
    </message>
    <message>
        <source>%1 cannot be loaded: %2</source>
        <translation>يتعذر تحميل %1: %2</translation>
    </message>
    <message>
        <source>&amp;Chat</source>
        <translation>&amp;محادثة</translation>
    </message>
    <message>
        <source>&amp;Message</source>
        <translation>&amp;رسالة</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;عرض</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>م&amp;ساعدة</translation>
    </message>
    <message>
        <source>Shortcuts</source>
        <translation>الاختصارات</translation>
    </message>
    <message>
        <source>About Pumice Chat</source>
        <translation>حول Pumice Chat</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>البحث في كل المحادثات</translation>
    </message>
    <message>
        <source>Rename…</source>
        <translation>إعادة تسمية…</translation>
    </message>
    <message>
        <source>Pin or unpin</source>
        <translation>تثبيت أو إلغاء التثبيت</translation>
    </message>
    <message>
        <source>Move to a folder…</source>
        <translation>نقل إلى مجلد…</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>استيراد…</translation>
    </message>
    <message>
        <source>Export as Markdown…</source>
        <translation>تصدير بصيغة Markdown…</translation>
    </message>
    <message>
        <source>Export as JSON…</source>
        <translation>تصدير بصيغة JSON…</translation>
    </message>
    <message>
        <source>Delete chat…</source>
        <translation>حذف المحادثة…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>إنهاء</translation>
    </message>
    <message>
        <source>Write</source>
        <translation>كتابة</translation>
    </message>
    <message>
        <source>Attach files…</source>
        <translation>إرفاق ملفات…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>إيقاف</translation>
    </message>
    <message>
        <source>Another reply</source>
        <translation>رد آخر</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>تحرير</translation>
    </message>
    <message>
        <source>Copy message</source>
        <translation>نسخ الرسالة</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>الفرع السابق</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>الفرع التالي</translation>
    </message>
    <message>
        <source>Branch into a new chat</source>
        <translation>التفرع إلى محادثة جديدة</translation>
    </message>
    <message>
        <source>Delete from here on…</source>
        <translation>الحذف من هنا فصاعدًا…</translation>
    </message>
    <message>
        <source>Commands…</source>
        <translation>الأوامر…</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>النماذج</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>مخبأ KV</translation>
    </message>
    <message>
        <source>Benchmark</source>
        <translation>قياس الأداء</translation>
    </message>
    <message>
        <source>Settings of the chat</source>
        <translation>إعدادات المحادثة</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>نص أكبر</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>نص أصغر</translation>
    </message>
    <message>
        <source>As the system</source>
        <translation>كما في النظام</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>فاتح</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>داكن</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>إرسال</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>إعادة تسمية</translation>
    </message>
    <message>
        <source>Title:</source>
        <translation>العنوان:</translation>
    </message>
    <message>
        <source>Move to a folder</source>
        <translation>نقل إلى مجلد</translation>
    </message>
    <message>
        <source>Folder (empty: none):</source>
        <translation>المجلد (فارغ: لا شيء):</translation>
    </message>
    <message>
        <source>Delete chat</source>
        <translation>حذف المحادثة</translation>
    </message>
    <message>
        <source>Delete “%1” with all its branches? This cannot be undone.</source>
        <translation>حذف “%1” بكل فروعها؟ لا يمكن التراجع عن ذلك.</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>إلغاء التثبيت</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>تثبيت</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>تصدير</translation>
    </message>
    <message>
        <source>Markdown (*.md)</source>
        <translation>Markdown (*.md)</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>%1 cannot be written: %2</source>
        <translation>تتعذر كتابة %1: %2</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>استيراد</translation>
    </message>
    <message>
        <source>%1 cannot be read: %2</source>
        <translation>تتعذر قراءة %1: %2</translation>
    </message>
    <message>
        <source>%1 is no chat that this program or &apos;pumice chat&apos; has written.</source>
        <translation>%1 ليست محادثة كتبها هذا البرنامج أو “pumice chat”.</translation>
    </message>
    <message>
        <source>Pumice Chat %1

Converses with models on this machine&apos;s GPU through Vulkan. Nothing leaves this machine.</source>
        <translation>Pumice Chat %1

يحادث نماذج على المعالج الرسومي لهذا الجهاز عبر Vulkan. لا شيء يغادر هذا الجهاز.</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>محادثة</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageList</name>
    <message>
        <source>Messages</source>
        <translation>الرسائل</translation>
    </message>
    <message>
        <source>Show earlier messages</source>
        <translation>عرض الرسائل السابقة</translation>
    </message>
</context>
<context>
    <name>pumice_chat::MessageWidget</name>
    <message>
        <source>Stopped by you.</source>
        <translation>أوقفتَه.</translation>
    </message>
    <message>
        <source>The program ended before this reply did.</source>
        <translation>انتهى البرنامج قبل هذا الرد.</translation>
    </message>
    <message>
        <source>No reply: %1</source>
        <translation>لا رد: %1</translation>
    </message>
    <message>
        <source>Cut: this is as long as the settings allow.</source>
        <translation>مقطوع: هذا أقصى طول تسمح به الإعدادات.</translation>
    </message>
    <message>
        <source>Cut: the model&apos;s context is full.</source>
        <translation>مقطوع: سياق النموذج ممتلئ.</translation>
    </message>
    <message>
        <source>You</source>
        <translation>أنت</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>النموذج</translation>
    </message>
    <message>
        <source>Previous branch</source>
        <translation>الفرع السابق</translation>
    </message>
    <message>
        <source>Next branch</source>
        <translation>الفرع التالي</translation>
    </message>
    <message>
        <source>Stop this reply</source>
        <translation>إيقاف هذا الرد</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>نسخ</translation>
    </message>
    <message>
        <source>Copy this message</source>
        <translation>نسخ هذه الرسالة</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>تحرير</translation>
    </message>
    <message>
        <source>Edit this message; the old one stays as a branch</source>
        <translation>تحرير هذه الرسالة؛ القديمة تبقى فرعًا</translation>
    </message>
    <message>
        <source>Again</source>
        <translation>ثانيةً</translation>
    </message>
    <message>
        <source>Another reply; the old one stays as a branch</source>
        <translation>رد آخر؛ القديم يبقى فرعًا</translation>
    </message>
    <message>
        <source>More for this message</source>
        <translation>المزيد لهذه الرسالة</translation>
    </message>
    <message>
        <source>Attached: %1</source>
        <translation>مرفق: %1</translation>
    </message>
    <message>
        <source>Branch %1 of %2</source>
        <translation>الفرع %1 من %2</translation>
    </message>
    <message>
        <source>You said</source>
        <translation>قلتَ</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>الرد</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>التفكير</translation>
    </message>
    <message numerus="yes">
        <source>Reasoning… %n word(s)</source>
        <translation>
            <numerusform>يفكر…</numerusform>
            <numerusform>يفكر… كلمة واحدة</numerusform>
            <numerusform>يفكر… كلمتان</numerusform>
            <numerusform>يفكر… %n كلمات</numerusform>
            <numerusform>يفكر… %n كلمة</numerusform>
            <numerusform>يفكر… %n كلمة</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Reasoning, %n word(s)</source>
        <translation>
            <numerusform>التفكير</numerusform>
            <numerusform>التفكير، كلمة واحدة</numerusform>
            <numerusform>التفكير، كلمتان</numerusform>
            <numerusform>التفكير، %n كلمات</numerusform>
            <numerusform>التفكير، %n كلمة</numerusform>
            <numerusform>التفكير، %n كلمة</numerusform>
        </translation>
    </message>
    <message>
        <source>Show the reasoning</source>
        <translation>عرض التفكير</translation>
    </message>
    <message>
        <source>Waiting for room in the device&apos;s memory…</source>
        <translation>بانتظار مكان في ذاكرة الجهاز…</translation>
    </message>
    <message>
        <source>Waiting for other replies…</source>
        <translation>بانتظار ردود أخرى…</translation>
    </message>
    <message>
        <source>Reading %1 of %2 tokens…</source>
        <translation>قراءة %1 من %2 رمزًا…</translation>
    </message>
    <message>
        <source>…</source>
        <translation>…</translation>
    </message>
    <message numerus="yes">
        <source>The oldest %n message(s) had no room in the context.</source>
        <translation>
            <numerusform>اتسع السياق لكل الرسائل.</numerusform>
            <numerusform>لم يتسع السياق لأقدم رسالة.</numerusform>
            <numerusform>لم يتسع السياق لأقدم رسالتين.</numerusform>
            <numerusform>لم يتسع السياق لأقدم %n رسائل.</numerusform>
            <numerusform>لم يتسع السياق لأقدم %n رسالة.</numerusform>
            <numerusform>لم يتسع السياق لأقدم %n رسالة.</numerusform>
        </translation>
    </message>
    <message>
        <source>Your message: %1</source>
        <translation>رسالتك: %1</translation>
    </message>
    <message>
        <source>Reply: %1</source>
        <translation>الرد: %1</translation>
    </message>
    <message>
        <source> · %1 tokens/s</source>
        <translation> · %1 رمز/ث</translation>
    </message>
    <message>
        <source> · first after %1 s</source>
        <translation> · الأول بعد %1 ث</translation>
    </message>
    <message>
        <source> · prompt %1: %2 kept, %3 from the cache, %4 computed</source>
        <translation> · الموجّه %1: محتفظ به %2، من المخبأ %3، محسوب %4</translation>
    </message>
    <message numerus="yes">
        <source>%n token(s)</source>
        <translation>
            <numerusform>لا رموز</numerusform>
            <numerusform>رمز واحد</numerusform>
            <numerusform>رمزان</numerusform>
            <numerusform>%n رموز</numerusform>
            <numerusform>%n رمزًا</numerusform>
            <numerusform>%n رمز</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>pumice_chat::ModelsPage</name>
    <message>
        <source>bundled</source>
        <translation>مرفق</translation>
    </message>
    <message>
        <source>folder</source>
        <translation>مجلد</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 من %2</translation>
    </message>
    <message>
        <source>Models on this machine, read where they lie: nothing is copied.</source>
        <translation>نماذج هذا الجهاز، تُقرأ حيث هي: لا شيء يُنسخ.</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>النماذج</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>النموذج</translation>
    </message>
    <message>
        <source>From</source>
        <translation>المصدر</translation>
    </message>
    <message>
        <source>File</source>
        <translation>الملف</translation>
    </message>
    <message>
        <source>Needs on the device</source>
        <translation>يحتاج على الجهاز</translation>
    </message>
    <message>
        <source>Fits</source>
        <translation>يتسع</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>الجهاز</translation>
    </message>
    <message>
        <source>Room for tokens</source>
        <translation>مكان للرموز</translation>
    </message>
    <message>
        <source>as much as fits well</source>
        <translation>قدر ما يتسع جيدًا</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 رمزًا</translation>
    </message>
    <message>
        <source>Load</source>
        <translation>تحميل</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>البحث ثانيةً</translation>
    </message>
    <message>
        <source>Look in a folder…</source>
        <translation>البحث في مجلد…</translation>
    </message>
    <message>
        <source>Device:</source>
        <translation>الجهاز:</translation>
    </message>
    <message>
        <source>Room for:</source>
        <translation>مكان لـ:</translation>
    </message>
    <message>
        <source>Offline: this program makes no connection, ever</source>
        <translation>دون اتصال: لا يُجري هذا البرنامج أي اتصال أبدًا</translation>
    </message>
    <message>
        <source>Download from Hugging Face</source>
        <translation>التنزيل من Hugging Face</translation>
    </message>
    <message>
        <source>Repository</source>
        <translation>المستودع</translation>
    </message>
    <message>
        <source>Download</source>
        <translation>تنزيل</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>إيقاف مؤقت</translation>
    </message>
    <message>
        <source>cannot be opened</source>
        <translation>يتعذر فتحه</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>نعم</translation>
    </message>
    <message>
        <source>in part: slower</source>
        <translation>جزئيًا: أبطأ</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>قراءة…</translation>
    </message>
    <message>
        <source>%1, %2 parameters, made for %3 tokens; weights %4, keys and values %5, working memory %6.</source>
        <translation>%1، %2 معاملًا، صُنع لـ %3 رمزًا؛ الأوزان %4، المفاتيح والقيم %5، ذاكرة العمل %6.</translation>
    </message>
    <message>
        <source>It was not taught to converse: it goes on with what you write.</source>
        <translation>لم يُدرَّب على المحادثة: إنه يكمل ما تكتبه.</translation>
    </message>
    <message>
        <source>The device has %1 free: the last layers would stay in the host&apos;s memory.</source>
        <translation>لدى الجهاز %1 حرة: ستبقى الطبقات الأخيرة في ذاكرة المضيف.</translation>
    </message>
    <message>
        <source>Look in a folder</source>
        <translation>البحث في مجلد</translation>
    </message>
    <message>
        <source>the best</source>
        <translation>الأفضل</translation>
    </message>
    <message>
        <source>%1, %2 free</source>
        <translation>%1، %2 حرة</translation>
    </message>
    <message>
        <source>%1, loaded</source>
        <translation>%1، محمّل</translation>
    </message>
    <message>
        <source>This build has no libcurl: install libcurl4-openssl-dev and build again.</source>
        <translation>هذا البناء بلا libcurl: ثبّت libcurl4-openssl-dev وأعد البناء.</translation>
    </message>
    <message>
        <source>Write OWNER/NAME, or OWNER/NAME:TYPE such as ggml-org/gemma-3-270m-it-GGUF:Q8_0.</source>
        <translation>اكتب OWNER/NAME أو OWNER/NAME:TYPE مثل ggml-org/gemma-3-270m-it-GGUF:Q8_0.</translation>
    </message>
    <message>
        <source>paused; Download goes on</source>
        <translation>متوقف مؤقتًا؛ “تنزيل” يتابع</translation>
    </message>
    <message>
        <source>%1. What had come was thrown away; Download tries again.</source>
        <translation>%1. ما وصل قد حُذف؛ “تنزيل” يعيد المحاولة.</translation>
    </message>
    <message>
        <source>Not found: %1</source>
        <translation>لم يُعثر على: %1</translation>
    </message>
    <message>
        <source>%1. What has come is kept; Download goes on with it.</source>
        <translation>%1. ما وصل محفوظ؛ “تنزيل” يتابعه.</translation>
    </message>
</context>
<context>
    <name>pumice_chat::PaletteDialog</name>
    <message>
        <source>Commands</source>
        <translation>الأوامر</translation>
    </message>
    <message>
        <source>A command or a chat</source>
        <translation>أمر أو محادثة</translation>
    </message>
    <message>
        <source>Chat: %1</source>
        <translation>محادثة: %1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::SettingsPanel</name>
    <message>
        <source>Settings of this chat</source>
        <translation>إعدادات هذه المحادثة</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>موجّه النظام</translation>
    </message>
    <message>
        <source>What the model is told beforehand</source>
        <translation>ما يُقال للنموذج مسبقًا</translation>
    </message>
    <message>
        <source>Reasoning</source>
        <translation>التفكير</translation>
    </message>
    <message>
        <source>As the model does</source>
        <translation>كما يفعل النموذج</translation>
    </message>
    <message>
        <source>On</source>
        <translation>تشغيل</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>إيقاف</translation>
    </message>
    <message>
        <source>Sampling as the model&apos;s file says</source>
        <translation>أخذ العينات كما في ملف النموذج</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>إعداد جاهز</translation>
    </message>
    <message>
        <source>Own</source>
        <translation>خاص</translation>
    </message>
    <message>
        <source>Exact</source>
        <translation>دقيق</translation>
    </message>
    <message>
        <source>Balanced</source>
        <translation>متوازن</translation>
    </message>
    <message>
        <source>Lively</source>
        <translation>حيوي</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>الحرارة</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>off</source>
        <translation>معطل</translation>
    </message>
    <message>
        <source>Penalty of repetition</source>
        <translation>عقوبة التكرار</translation>
    </message>
    <message>
        <source>Most tokens of a reply</source>
        <translation>أقصى رموز للرد</translation>
    </message>
    <message>
        <source>until it ends</source>
        <translation>حتى ينتهي</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>البذرة</translation>
    </message>
    <message>
        <source>drawn anew</source>
        <translation>تُسحب من جديد</translation>
    </message>
    <message>
        <source>JSON Schema of the reply</source>
        <translation>مخطط JSON للرد</translation>
    </message>
    <message>
        <source>This is no JSON yet, and not used.</source>
        <translation>هذا ليس JSON بعد، ولا يُستخدم.</translation>
    </message>
    <message>
        <source>Keep…</source>
        <translation>حفظ…</translation>
    </message>
    <message>
        <source>Keep these settings as a preset</source>
        <translation>حفظ هذه الإعدادات كإعداد مسبق</translation>
    </message>
    <message>
        <source>Keep as a preset</source>
        <translation>حفظ كإعداد مسبق</translation>
    </message>
    <message>
        <source>Its name</source>
        <translation>اسمه</translation>
    </message>
    <message>
        <source>A name has letters, digits, spaces, “-” and “_”.</source>
        <translation>يتكون الاسم من أحرف وأرقام ومسافات و«-» و«_».</translation>
    </message>
    <message>
        <source>It could not be kept: %1</source>
        <translation>تعذر حفظه: %1</translation>
    </message>
</context>
<context>
    <name>pumice_chat::TextPiece</name>
    <message>
        <source>Text</source>
        <translation>نص</translation>
    </message>
</context>
</TS>
