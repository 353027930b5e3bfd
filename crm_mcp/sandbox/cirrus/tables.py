"""The tables of Cirrus: the shapes are those of the document's samples, put together by relation.

`shapes.py` tells how to read them. What the document shows of a record in one list only (the
numbers of a subscription) or copied from another (the name and place of the same) is in one shape.
"""

from collections.abc import Mapping
from types import MappingProxyType

from crm_mcp.sandbox.cirrus.sales_tables import CUSTOMERS, GOODS
from crm_mcp.sandbox.cirrus.shapes import Table, table

_CONNECTED = (
    "connectedactivities:#*activity,connectedaccounts:#*account,connectedcontacts:#*contact,"
    "connectedopportunities:#*opportunity,connectedorders:#*order,connectedleads:#*lead,"
    "connectedquotes:#*quote,connectedprojects:#*project,connectedobjects:#*object,"
    "connectedusers:#*user,connectedarticles:#*article,connectedmissions:#*mission,"
    "connectedsubscriptions:#*subscription"
)
_DEPARTMENT = "{id,name,parentdepartment:department.parentid,manager:user}"
_PLAYER = "{id,accepted,challengeid,owner,score,user:user}"

_OFFICE = (
    table(
        "user",
        "/users",
        f"{{active,cellphone,departments:<department.users{_DEPARTMENT},email,id,language,"
        "lastactive,name,phone,presentation,startpage,surname,title,avatar_b64,photo_b64,"
        "settings:*{id,key,value,userid},roles:*role,tags:*tag,-code,-customerid,"
        "-emailsettings{id,email,name,username,password,port,authtype,incominserver,smtpserver,"
        "userid,signature,defaultemailtype},"
        "-properties{userid,licenceadmin,elevatedaccount,salescoach,crmversion}}",
        "{id,name,surname,title,email,phone,cellphone}",
    ),
    table("role", "/users/roles"),
    table(
        "department",
        "/users/departments",
        "{id,name,parent:department{id,name,parentid,manager:user},manager:user,users:*user}",
        _DEPARTMENT,
    ),
    table(
        "userBudget",
        "/users/{userid}/budget /users/budget",
        "{id,userid:#user,year,month,budget,pipeline,"
        "weeks:*{week,budget,pipeline,days:*{day,budget,pipeline}}}",
        upsert=True,
    ),
    table(
        "accountBudget",
        "/accounts/{accountid}/budget",
        "{id,year,month,budget,-accountid:#account}",
        upsert=True,
    ),
    table(
        "dynamicField",
        "/dynamicfields/definitions",
        "{id,name,group,sortorder,size,help,required,inoverview,visible,readonly,"
        "options:<dynamicOption.fieldid,type:dynamicType,fieldgroup:dynamicGroup,"
        "selected:*dynamicOption,unselected:*dynamicOption}",
        columns="groups:group fieldname:name groupname:fieldgroup.name fieldids:id",
    ),
    table("dynamicOption", "", "{id,fieldid,label,sortorder,group}", "*"),
    table("dynamicType", "", "{id,fieldid,label,sortorder,group}", "*"),
    table("dynamicGroup", "", "{id,name,created,updated}", "*"),
    table(
        "dynamicValue",
        "/dynamicfields/values",
        "{fieldid:#dynamicField,resourceid,value,selected:*dynamicOption,"
        "unselected:*dynamicOption}",
    ),
    table(
        "file",
        "/files",
        "{id,name,info,timestamp,folderid,templateid,folder:folder{id,name,parentfolderid},"
        "template:template,activities:*activity.connectedactivities,"
        "accounts:*account.connectedaccounts,contacts:*contact.connectedcontacts,"
        f"opportunities:*opportunity.connectedopportunities,{_CONNECTED}}}",
        columns=" ".join(
            f"{one}id:connected{one[:-1] + 'ies' if one.endswith('y') else one + 's'}"
            for one in (
                *("activity", "article", "account", "contact", "opportunity", "quote", "order"),
                *("lead", "project", "object", "user", "mission"),
            )
        ),
        must=("name", "content"),
    ),
    table(
        "folder",
        "/files/folders",
        "{id,name,parentfolderid:#folder,accountid,files:<file.folderid,account:account,"
        "folders:<folder.parentfolderid}",
        columns="folderid:id",
    ),
    table(
        "template",
        "/templates",
        "{id,name,description,resource,html,url,active,languages:*templateLanguage,"
        "categories:*templateCategory,tags:*tag}",
        columns="languageids:languages categoryids:categories",
    ),
    table("templateCategory", "/templates/categories", "{id,name,sort}", "*"),
    table("templateLanguage", "/templates/languages", "{id,name,sort}", "*"),
    table(
        "addon",
        "/addons",
        "{id,title,url,internalname,sort,enabled,parameters:*{id,name,value,created,updated}}",
    ),
    table(
        "challenge",
        "/game/challenges",
        f"{{id,active,challenged{_PLAYER},challenger{_PLAYER},created,daysremaining,startdate,"
        "stopdate,type:challengeType,winner:user}",
        columns="challengerid:challenger.userid challengedid:challenged.userid type:type.name "
        "winner:winner.name challenger:challenger.userid challenged:challenged.userid",
        day="startdate",
    ),
    table("challengeType", "/game/challenges/types"),
    table(
        "mission",
        "/missions",
        "{id,name,description,startdate,enddate,active,script,pdf,video,terms,userid:#user,typeid}",
        columns="datespan_start:enddate>= datespan_end:startdate<= ownerid:userid "
        "ownerids:userid number:id",
    ),
    table(
        "missionConnection",
        "/missions/{mission_id}/connections",
        "{-missionid:#mission,type,connectid,result,tscreated,tsupdated}",
        columns="mission_id:missionid connection_type:type other_id:connectid",
        upsert=True,
    ),
    table(
        "signature",
        "/bankid/signatures /services/bankid",
        "{id,message,status,orderref,personalnumber,autostarttoken,hintcode,"
        "completiondata{user{personalnumber,name,givenname,surname},device{ipaddress},"
        "cert{notbefore,notafter},signature,ocspresponse}}",
    ),
    table(
        "signatureRelation",
        "/bankid/signatures/relations",
        "{id,signature:#signature,type,otherid,created,updated}",
        columns="signatureid:signature",
    ),
    table("phoneBrand", "/services/phonebrands"),
    table("phoneModel", "/services/phonemodels", "{id,name,-brandid:#phoneBrand}"),
    table("phoneColour", ""),
    table("phoneSize", ""),
    table(
        "phone",
        "/services/phones",
        "{id,name,description,price,-modelid:#phoneModel,-colour:phoneColour,-size:phoneSize}",
    ),
    table(
        "settings",
        "/settings",
        "{currency,portal{name,street,zip,city,country,phone,fax,email,plusgiro,bankgiro,vatnumber,"
        "vatregnumber,url,iban,swift,seat},sales{defaultinterest},fieldsales{activitytypes{"
        "assigned,knock,note,return,notavailable,rejected,erpaccepted,erpdeclined},numberporting{"
        "group,name,number,phone},filter,headlines:*{title,body},erpurl,signaturefields,terms},"
        "consent{logofileid,email{fromemail,fromname,user,port,server,body,password,auth,userid,"
        "type}}}",
    ),
)

TABLES: Mapping[str, Table] = MappingProxyType(dict((*CUSTOMERS, *GOODS, *_OFFICE)))
